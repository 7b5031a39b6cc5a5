/** A face without a picture: initials on a hue that belongs to the person. Pure. */

/** One letter of the first word, one of the last; names without letters show their first sign. */
export function initials(name) {
  const words = name.trim().split(/\s+/u).filter(Boolean)
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words
  return ends.map((part) => [...part][0] ?? "").join("").toLocaleUpperCase()
}

/** Neighbouring ids lie far apart on the wheel (the golden angle). */
export const hue = (user) => Math.round((user * 137.508) % 360)
