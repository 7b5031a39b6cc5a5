/** Days of a month as they stand on a sheet. Pure; all days are those of this place. */

/** The day on which a week begins where this language is spoken, 1 Monday to 7 Sunday. */
export function weekStart(language) {
  const place = new Intl.Locale(language)
  const week = place.getWeekInfo?.() ?? place.weekInfo
  return week?.firstDay ?? 1
}

/** Whole weeks that hold a month, as rows of local midnights; `first` is the day a week begins with. */
export function weeks(year, month, first = 1) {
  const lead = (new Date(year, month, 1).getDay() - first + 7) % 7
  const days = new Date(year, month + 1, 0).getDate()
  const rows = Math.ceil((lead + days) / 7)
  return Array.from({ length: rows }, (_, row) => Array.from({ length: 7 }, (_, at) => new Date(year, month, 1 - lead + 7 * row + at).getTime()))
}

/** The midnight some days from another; a day is not always 24 hours long. */
export function daysFrom(at, by) {
  const day = new Date(at)
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + by).getTime()
}

/** The midnight a moment's day began with. */
export const midnight = (at) => daysFrom(at, 0)
