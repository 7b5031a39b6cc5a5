/** Moments in words: one cached formatter per format, in the format of the system. */
const formats = new Map()

function format(name, options) {
  if (!formats.has(name)) formats.set(name, new Intl.DateTimeFormat(undefined, options))
  return formats.get(name)
}

/** 13:41 */
export const clock = (at) => format("clock", { hour: "numeric", minute: "2-digit" }).format(at)

/** Thursday, 19 November; with the year when it is not this one. */
export function dayLine(at, now = Date.now()) {
  const same = new Date(at).getFullYear() === new Date(now).getFullYear()
  const day = { weekday: "long", day: "numeric", month: "long" }
  return same ? format("day", day).format(at) : format("day and year", { ...day, year: "numeric" }).format(at)
}

/** The local day a moment lies in, as a number that can be compared. */
export function dayOf(at) {
  const date = new Date(at)
  return date.getFullYear() * 10_000 + (date.getMonth() + 1) * 100 + date.getDate()
}

/** The whole moment, for tips and for `<time>`'s reader; or its day alone. */
export const moment = (at, hours = true) => format(hours ? "moment" : "whole day", { dateStyle: "full", ...(hours ? { timeStyle: "short" } : {}) }).format(at)

/** November 2026 */
export const monthLine = (at) => format("month", { month: "long", year: "numeric" }).format(at)

/** Th */
export const weekday = (at) => format("weekday", { weekday: "short" }).format(at)

/** 14:02 today, 19 Nov, 14:02 on another day. */
export function since(at, now = Date.now()) {
  if (dayOf(at) === dayOf(now)) return clock(at)
  return format("since", { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" }).format(at)
}
