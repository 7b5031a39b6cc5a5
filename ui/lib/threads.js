/** The messages a list shows that is no stretch of history: a thread, the pins. Pure. */

/** Rows by `seq`, unsent ones behind them in the order of the outbox. */
export function placed(rows) {
  const confirmed = rows.filter((row) => row.seq != null).sort((a, b) => a.seq - b.seq)
  return [...confirmed, ...rows.filter((row) => row.seq == null)]
}

/** The rows with what the feed says of them; `belongs(row)` tells what is of the list. */
export function told(rows, changes, belongs) {
  const held = new Map(rows.map((row) => [row.id, row]))
  for (const change of changes) {
    if (change.what === "message_gone") held.delete(change.key)
    for (const row of change.rows ?? []) {
      if (belongs(row)) held.set(row.id, row)
      else held.delete(row.id)
    }
  }
  return placed([...held.values()])
}

/** Whether a row is of the thread that a message began. */
export const ofThread = (root) => (row) => row.seq === root || row.thread === root

/** Whether a row is pinned. */
export const isPinned = (row) => row.pinned && !row.deleted
