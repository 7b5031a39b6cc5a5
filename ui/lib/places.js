/** Links of rooms and messages, `hallway://host[:port]/room/7[/812]` (protocol.md §6), and passing on what was said. Pure. */
import { TEXT } from "./limits.js"

/** The link of a room at this server, or of a message in it. */
export function linkOf(server, room, seq = null) {
  const host = URL.canParse(server) ? new URL(server).host : server
  return `hallway://${host}/room/${room}${seq == null ? "" : `/${seq}`}`
}

/** What a link names, `{host, room, seq}`; null when it is not one of ours, or not wholly. */
export function placeOfLink(link) {
  const found = /^hallway:\/\/([^/\s?#]+)\/room\/(\d{1,16})(?:\/(\d{1,16}))?\/?$/i.exec(link)
  if (!found) return null
  const [, host, room, seq] = found
  return { host: host.toLowerCase(), room: Number(room), seq: seq ? Number(seq) : null }
}

/** What somebody said, as it is passed on: a quote, its author, and the way to it. */
export function forwarded(text, author, link) {
  const source = `[${author.replaceAll("[", "(").replaceAll("]", ")")}](${link})`
  const quote = text.split("\n").map((line) => `> ${line}`).join("\n")
  const signs = [...quote]
  const room = TEXT - [...source].length - 2
  return `${signs.length > room ? `${signs.slice(0, room).join("")}…` : quote}\n${source}`
}
