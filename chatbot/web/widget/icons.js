/** Icons of what is loaded later, and of the demo shop: drawn for kefu on a grid of 24, as strokes. */

import { drawn } from "./dom.js";

const ICONS = {
  back: ["M19 12H5", "m11 6-6 6 6 6"],
  box: ["m4 8 8-4 8 4v8l-8 4-8-4Z", "m4 8 8 4 8-4", "M12 12v8", "m8 6 8 4"],
  check: ["m5 12.5 4.5 4.5L19 7.5"],
  close: ["m6 6 12 12", "M18 6 6 18"],
  copy: ["M9 9h10v11H9Z", "M15 9V4H5v11h4"],
  down: ["M7 14V4H4v10Z", "m7 13 4 7c1.3 0 2.2-1 2-2.4L12.5 14H18a2 2 0 0 0 2-2.4l-1-5.8A2.2 2.2 0 0 0 16.8 4H7"],
  globe: ["M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Z", "M4.5 10h15", "M4.5 14h15", "M12 4c-4.6 4.6-4.6 11.4 0 16", "M12 4c4.6 4.6 4.6 11.4 0 16"],
  open: ["M14 5h5v5", "m19 5-8 8", "M11 6H6a1 1 0 0 0-1 1v11a1 1 0 0 0 1 1h11a1 1 0 0 0 1-1v-5"],
  restart: ["M5 12a7 7 0 1 1 2.2 5.1", "M4.5 20v-4h4"],
  tag: ["M4 4h8l8 8-8 8-8-8Z", "M8.2 8.2h.01"],
  up: ["M7 10v10H4V10Z", "m7 11 4-7c1.3 0 2.2 1 2 2.4L12.5 10H18a2 2 0 0 1 2 2.4l-1 5.8a2.2 2.2 0 0 1-2.2 1.8H7"],
};

export function icon(name, size = 20) {
  return drawn(ICONS[name], size);
}
