/**
 * The look of the widget. A shop sets `--kefu-accent`, `--kefu-on-accent`, `--kefu-surface`, `--kefu-text`,
 * `--kefu-font`, `--kefu-radius`, `--kefu-color-scheme` and so on, or styles `::part(panel)`; everything else
 * follows from these. Logical properties throughout, so right-to-left pages need nothing of their own.
 */

export const STYLE = `
:host {
  --surface: var(--kefu-surface, light-dark(#ffffff, #15191a));
  --text: var(--kefu-text, light-dark(#1b211f, #e9eeec));
  --radius: var(--kefu-radius, 20px);
  --soft: color-mix(in srgb, var(--text) 5%, var(--surface));
  --line: color-mix(in srgb, var(--text) 13%, var(--surface));
  --edge: color-mix(in srgb, var(--text) 48%, var(--surface));
  --muted: color-mix(in srgb, var(--text) 68%, var(--surface));
  --tint: color-mix(in srgb, var(--accent) 12%, var(--surface));
  --mark: light-dark(#ffeaa6, #5b4a12);
  --warn: light-dark(#a3350a, #ffb38f);
  --warn-soft: light-dark(#fdf0e9, #33201a);
  --good: light-dark(#17664d, #86d6b6);
  --ease: cubic-bezier(0.2, 0.8, 0.2, 1);
}
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
.panel {
  position: fixed;
  inset-block-end: calc(var(--inset) + 72px + env(safe-area-inset-bottom, 0px));
  inset-inline-end: var(--inset);
  width: min(408px, calc(100vw - 2 * var(--inset)));
  height: min(680px, calc(100dvh - 72px - 2 * var(--inset)));
  display: flex;
  flex-direction: column;
  overflow: hidden;
  border-radius: var(--radius);
  color: var(--text);
  background: var(--surface);
  box-shadow: 0 0 0 1px light-dark(rgb(16 28 24 / 0.06), rgb(255 255 255 / 0.1)), 0 2px 6px rgb(16 28 24 / 0.06), 0 28px 72px -16px rgb(16 28 24 / 0.34);
  font: 400 15px/1.55 var(--kefu-font, -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", system-ui, sans-serif);
  text-align: start;
  animation: rise 220ms var(--ease);
}
.panel:focus { outline: none; }
p, h2, h3, h4, ul { margin: 0; padding: 0; font: inherit; }
a { color: inherit; }
button, input, textarea { font: inherit; color: inherit; }
button { padding: 0; border: 0; background: none; cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.icon { flex: none; display: block; }
.quiet { color: var(--muted); font-size: 13px; line-height: 1.5; }

header { display: flex; align-items: center; gap: 12px; padding: 14px 12px 14px 18px; border-block-end: 1px solid var(--line); }
.emblem { display: grid; place-items: center; flex: none; width: 38px; height: 38px; border-radius: 12px; color: var(--on-accent); background: var(--accent); font-size: 18px; font-weight: 650; }
.names { flex: 1; min-width: 0; line-height: 1.3; }
h2 { overflow: hidden; font-weight: 650; text-overflow: ellipsis; white-space: nowrap; letter-spacing: -0.005em; }
.subtitle { display: flex; align-items: center; gap: 6px; color: var(--muted); font-size: 12.5px; }
.icon-button { display: grid; place-items: center; flex: none; width: 38px; height: 38px; border-radius: 11px; color: var(--muted); }
.icon-button:hover { color: var(--text); background: var(--soft); }
header .icon-button + .icon-button { margin-inline-start: -8px; }

.log { flex: 1; min-height: 0; overflow-y: auto; overscroll-behavior: contain; padding: 20px 18px 10px; scrollbar-width: thin; scrollbar-color: var(--line) transparent; }
.log:focus-visible { outline-offset: -3px; }
.welcome { display: grid; gap: 8px; padding-block-end: 12px; }
.greeting { font-size: 21px; font-weight: 650; line-height: 1.3; letter-spacing: -0.015em; text-wrap: balance; }
.suggestions, .quick-replies { display: flex; flex-wrap: wrap; gap: 8px; padding-block-start: 10px; }
.quick { padding: 7px 13px; border: 1px solid color-mix(in srgb, var(--accent) 38%, var(--surface)); border-radius: 18px; color: var(--accent); font-size: 14px; line-height: 1.35; text-align: start; overflow-wrap: anywhere; transition: background 120ms; }
.quick:hover { background: var(--tint); }

.mine { display: flex; flex-direction: column; align-items: flex-end; margin-block: 20px 14px; animation: appear 200ms var(--ease); }
.mine > p { max-width: 86%; padding: 9px 14px; border-radius: 18px; border-end-end-radius: 5px; background: var(--tint); white-space: pre-wrap; overflow-wrap: anywhere; }
.unsent { display: flex; align-items: center; flex-wrap: wrap; justify-content: flex-end; gap: 6px; margin-block-start: 6px; color: var(--warn); font-size: 13px; }
.unsent button { min-height: 24px; font-weight: 600; text-decoration: underline; text-underline-offset: 3px; }
.answer { margin-block-end: 12px; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; }
.text a { color: var(--accent); text-underline-offset: 3px; }
.sentence { animation: appear 260ms var(--ease); }
.failed .text { padding: 10px 14px; border-radius: 14px; background: var(--warn-soft); color: var(--warn); }
.number, .mark-number { display: inline-grid; place-items: center; min-width: 18px; height: 18px; padding-inline: 4px; border-radius: 9px; color: var(--accent); background: var(--tint); font-size: 11px; font-weight: 650; line-height: 1; font-variant-numeric: tabular-nums; }
.sentence:only-child .marks { display: none; } /* the chip below says it */
.mark-number { margin-inline-start: 3px; vertical-align: 2px; }
.mark-number:hover, .chip:hover .number { color: var(--on-accent); background: var(--accent); }
.chips { display: flex; flex-wrap: wrap; gap: 6px; margin-block-start: 10px; }
.chips:empty, .cards:empty { display: none; }
.chip { display: inline-flex; align-items: center; gap: 7px; max-width: 100%; padding: 5px 11px 5px 6px; border-radius: 15px; background: var(--soft); color: var(--muted); font-size: 12.5px; line-height: 1.35; }
.chip:hover { color: var(--text); }
.chip-title { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }

.cards { display: grid; gap: 8px; margin-block-start: 12px; }
.handover { display: flex; gap: 10px; margin-block-start: 12px; padding: 11px 14px; border-radius: 14px; background: var(--tint); font-size: 14px; line-height: 1.5; }
.handover .icon { margin-block-start: 2px; color: var(--accent); }

.typing { display: flex; align-items: center; gap: 10px; padding-block: 4px 12px; color: var(--muted); font-size: 13px; }
.dots { display: inline-flex; gap: 4px; }
.dots i { width: 6px; height: 6px; border-radius: 50%; background: var(--accent); animation: pulse 1.1s ease-in-out infinite; }
.dots i:nth-child(2) { animation-delay: 140ms; }
.dots i:nth-child(3) { animation-delay: 280ms; }

.notice { display: flex; align-items: center; gap: 9px; margin: 0 14px 8px; padding: 9px 13px; border-radius: 12px; color: var(--warn); background: var(--warn-soft); font-size: 13px; line-height: 1.45; }
.foot { padding: 4px 14px calc(9px + env(safe-area-inset-bottom, 0px)); }
.composer { display: flex; align-items: flex-end; gap: 6px; padding: 5px 5px 5px 14px; border: 1px solid var(--edge); border-radius: 22px; background: var(--surface); }
.composer:focus-within { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
textarea:focus-visible { outline: none; } /* the box around it shows the focus */
textarea { flex: 1; min-width: 0; max-height: 132px; padding: 5px 0; border: 0; outline: none; resize: none; background: none; line-height: 1.5; }
textarea::placeholder, input::placeholder { color: var(--muted); opacity: 1; }
.send { display: grid; place-items: center; flex: none; width: 34px; height: 34px; border-radius: 50%; color: var(--on-accent); background: var(--accent); }
.composer:has(textarea:placeholder-shown) .send { color: var(--muted); background: var(--soft); }
.under { display: flex; align-items: center; justify-content: space-between; gap: 8px; padding-block-start: 7px; }
.person { display: inline-flex; align-items: center; gap: 7px; padding: 5px 9px 5px 6px; border-radius: 10px; color: var(--muted); font-size: 13px; }
.person:hover { color: var(--text); background: var(--soft); }
.pill { padding: 2px 9px; border-radius: 10px; color: var(--muted); background: var(--soft); font-size: 12px; }

@keyframes rise { from { opacity: 0; transform: translateY(10px) scale(0.985); } }
@keyframes appear { from { opacity: 0; transform: translateY(4px); } }
@keyframes pulse { 0%, 60%, 100% { opacity: 0.3; } 30% { opacity: 1; } }
@media (max-width: 480px) {
  .panel { inset: 0 0 auto; width: 100%; height: 100dvh; border-radius: 0; padding-block-start: env(safe-area-inset-top, 0px); }
  textarea, input { font-size: 16px !important; } /* smaller text makes phones zoom in */
}
@media (prefers-reduced-motion: reduce) { *, *::before, *::after { animation: none !important; transition: none !important; } }
@media (prefers-contrast: more) { :host { --muted: var(--text); --line: var(--edge); } }
@media (forced-colors: active) { .launcher, .send, .panel { border: 1px solid; } }
`;
