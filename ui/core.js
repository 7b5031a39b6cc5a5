/**
 * The one door to the core, and the only file that names Tauri.
 * A command answers what the core answers; a refusal is thrown as `{code, message, retry, after_ms, fields}`.
 */
import { Channel, invoke } from "./vendor/tauri/core.js"
import { state } from "./state.js"

/** Hands every batch of changes to `take`, in order, from the first one that tells all there is. */
export function subscribe(take) {
  const channel = new Channel()
  channel.onmessage = take
  return call("subscribe", { channel })
}

async function call(command, args) {
  try {
    return await invoke(command, args)
  } catch (refusal) {
    throw refusal?.code ? refusal : { code: "local", message: String(refusal), retry: "never", after_ms: null, fields: {} }
  }
}

/** A command of the app as a whole. */
const whole = (command) => (args = {}) => call(command, args)

/** A command of the account on the screen. */
const own = (command) => (args = {}) => call(command, { account: state.account, ...args })

export const core = {
  accounts: whole("accounts"),
  checkServer: whole("check_server"),
  signIn: whole("sign_in"),
  register: whole("register"),
  painted: whole("painted"),
  openLink: whole("open_link"),
  network: whole("network"),

  signInAgain: own("sign_in_again"),
  signOut: own("sign_out"),
  unlock: own("unlock"),

  timeline: own("timeline"),
  send: own("send"),
  edit: own("edit"),
  remove: own("delete"),
  react: own("react"),
  pin: own("pin"),
  pins: own("pins"),
  thread: own("thread"),
  edits: own("edits"),
  firstSince: own("first_since"),
  receipts: own("receipts"),
  updateMe: own("update_me"),
  retry: own("retry"),
  discard: own("discard"),
  sendAnyway: own("send_anyway"),
  draft: own("draft"),
  mine: own("mine"),
  read: own("read"),
  typing: own("typing"),
  focus: own("focus"),
  watch: own("watch"),
  presence: own("presence"),
  search: own("search"),

  create: own("create"),
  join: own("join"),
  leave: own("leave"),
  direct: own("direct"),
  updateRoom: own("update_room"),
  deleteRoom: own("delete_room"),
  roomCode: own("room_code"),
  members: own("members"),
  setMember: own("set_member"),
  removeMember: own("remove_member"),
  directory: own("directory"),
  people: own("people"),
  invite: own("invite"),
}
