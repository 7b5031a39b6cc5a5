/** Limits the boxes show while one types (protocol.md §1); the server has the last word. */
export const TEXT = 4_000
export const ROOM_NAME = 80
export const TOPIC = 250
export const DIRECT = 10
export const WATCH = 200
