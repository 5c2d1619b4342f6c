"""The store's tables: conversations, the messages that were posted, the turns that answered them, feedback; what shoppers did, and what that
adds up to; what they asked to have done.

Knows no rules; ``chatbot.store`` does.
"""

from __future__ import annotations

import sqlalchemy as sa

from chatbot.db import CleanText, UtcTime, metadata

_ID = CleanText(64)

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("session_id", CleanText(200), nullable=False, index=True),
    sa.Column("customer_id", CleanText(200), index=True),
    sa.Column("locale", CleanText(35), nullable=False),
    sa.Column("status", CleanText(16), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False, index=True),
    sa.CheckConstraint("status IN ('bot', 'waiting', 'person', 'closed')", name="status"),
)

turns = sa.Table(
    "turns",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("conversation_id", _ID, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False, index=True),
    # The whole turn, coded by chatbot.store_codec; the columns above are copies to search and sort by.
    sa.Column("turn", sa.JSON, nullable=False),
    sa.UniqueConstraint("conversation_id", "number"),
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("conversation_id", _ID, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("text", CleanText, nullable=False),
    sa.Column("client_id", CleanText(200)),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("claimed_by", CleanText(200)),
    sa.Column("claimed_at", UtcTime),
    sa.Column("turn_id", _ID, sa.ForeignKey("turns.id", ondelete="CASCADE"), index=True),
    sa.UniqueConstraint("conversation_id", "number"),
    sa.UniqueConstraint("conversation_id", "client_id"),
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("turn_id", _ID, sa.ForeignKey("turns.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("rating", CleanText(4), nullable=False),
    sa.Column("comment", CleanText, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.CheckConstraint("rating IN ('up', 'down')", name="rating"),
)

approved_answers = sa.Table(
    "approved_answers",
    metadata,
    sa.Column("id", sa.String(200), primary_key=True),
    sa.Column("questions", sa.JSON, nullable=False),  # wordings, any language
    sa.Column("answer", sa.JSON, nullable=False),  # language -> text
    sa.Column("source", CleanText, nullable=False),  # the page that holds the facts; may be empty
    sa.Column("updated_at", UtcTime, nullable=False),
)

# The browser names an event, so that a batch that is sent twice is stored once; the customer is the session's.
events = sa.Table(
    "events",
    metadata,
    sa.Column("session_id", CleanText(200), primary_key=True),
    sa.Column("id", _ID, primary_key=True),
    sa.Column("customer_key", CleanText(200)),
    sa.Column("sku", CleanText(200), nullable=False),
    sa.Column("kind", CleanText(16), nullable=False),
    sa.Column("stars", sa.Integer),
    sa.Column("at", UtcTime, nullable=False),
    sa.CheckConstraint(
        "kind IN ('view', 'cart', 'uncart', 'like', 'dislike', 'rating', 'neutral', 'returned')", name="kind"
    ),
    sa.Index("ix_events_session_id_at", "session_id", "at"),
    sa.Index("ix_events_customer_key_at", "customer_key", "at"),
)

# What stood to choose from when something else than the likeliest product could be shown, and how likely that was.
explored = sa.Table(
    "explored",
    metadata,
    sa.Column("turn_id", _ID, primary_key=True),
    sa.Column("session_id", CleanText(200), nullable=False),
    sa.Column("customer_key", CleanText(200)),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("skus", sa.JSON, nullable=False),
    sa.Column("features", sa.JSON, nullable=False),  # a row for each of skus
    sa.Column("shown", sa.Integer, nullable=False),
    sa.Column("propensity", sa.Float, nullable=False),
    sa.CheckConstraint("propensity > 0 AND propensity <= 1", name="propensity"),
    sa.Index("ix_explored_at", "at"),
    sa.Index("ix_explored_customer_key", "customer_key"),
)

# What the facts of a customer add up to, as far as it was read (chatbot.insights.folded); made again from the facts whenever it is gone.
profiles = sa.Table(
    "profiles",
    metadata,
    sa.Column("customer_key", CleanText(200), primary_key=True),
    sa.Column("made_with", CleanText(64), nullable=False),
    sa.Column("read", sa.Integer, nullable=False),
    sa.Column("seal", CleanText(64), nullable=False),
    sa.Column("folded", sa.JSON, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
)

# What a shopper was asked to confirm, to the letter, and what came of it.
actions = sa.Table(
    "actions",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("conversation_id", _ID, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    sa.Column("customer_id", CleanText(200), nullable=False),
    sa.Column("customer_key", CleanText(200), nullable=False, index=True),
    sa.Column("kind", CleanText(32), nullable=False),
    sa.Column("arguments", sa.JSON, nullable=False),
    sa.Column("seal", CleanText(64), nullable=False),
    sa.Column("state", CleanText(16), nullable=False),
    sa.Column("outcome", sa.JSON),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Column("decided_at", UtcTime),
    sa.CheckConstraint(
        "state IN ('proposed', 'lapsed', 'declined', 'running', 'done', 'refused', 'undone')", name="state"
    ),
    sa.Index("ix_actions_conversation_id_created_at", "conversation_id", "created_at"),
    sa.Index("ix_actions_state", "state"),
)
