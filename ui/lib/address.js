/** What people type or paste where a server's address is asked for. Pure. */

/** The server's address and the invite code a line holds; a bare name is left to the core, which knows http from https. */
export function addressOf(line) {
  const text = line.trim()
  const link = /^(hallway|https?):\/\/([^/\s]+)\/(?:[^\s]*\/)?invite\/([^/?#\s]+)/i.exec(text)
  if (!link) return { url: text, invite: null }
  const [, scheme, host, invite] = link
  const url = scheme.toLowerCase() === "hallway" ? host : `${scheme.toLowerCase()}://${host}`
  return { url, invite: decoded(invite) }
}

function decoded(code) {
  try {
    return decodeURIComponent(code)
  } catch {
    return code
  }
}

/** A join code out of a code or a `…/join/CODE` link. */
export const codeOf = (line) => /\/join\/([^/?#\s]+)/i.exec(line)?.[1] ?? line.trim()
