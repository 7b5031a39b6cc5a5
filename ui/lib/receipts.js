/** Who has read and received: marks only rise. Pure. */

/** The marks with newer ones, `[user, read, delivered]`. */
export function risen(held, marks) {
  const next = new Map(held)
  for (const [user, read, delivered] of marks) {
    const [was, had] = next.get(user) ?? [0, 0]
    next.set(user, [Math.max(was, read), Math.max(had, delivered, read)])
  }
  return next
}

/** Whose marks reach a message, but mine: those who read it, and those who only have it. */
export function readers(marks, seq, me) {
  const others = [...marks].filter(([user]) => user !== me)
  return {
    read: others.filter(([, [read]]) => read >= seq).map(([user]) => user),
    delivered: others.filter(([, [read, delivered]]) => read < seq && delivered >= seq).map(([user]) => user),
  }
}
