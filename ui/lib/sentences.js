/** States, notices and refusals as sentences. */
import { word } from "./words.js"

const notices = {
  created: "notice_created",
  joined: "notice_joined",
  left: "notice_left",
  added: "notice_added",
  removed: "notice_removed",
  renamed: "notice_renamed",
  topic: "notice_topic",
  role: "notice_role",
}

/** A system notice; `nameOf` answers a person's name. */
export function notice({ meta, sender }, nameOf) {
  const key = notices[meta?.what] ?? "notice_changed"
  return word(key, { who: nameOf(meta?.user ?? sender), by: nameOf(meta?.by ?? sender) })
}

const refusals = {
  offline: "why_offline",
  signed_out: "why_signed_out",
  wrong_credentials: "why_wrong_credentials",
  unverified: "why_unverified",
  forbidden: "why_forbidden",
  not_found: "why_not_found",
  unsupported: "why_unsupported",
  taken: "why_taken",
  conflict: "why_conflict",
  too_large: "why_too_large",
  rate_limited: "why_rate_limited",
  busy: "why_busy",
  broken: "why_broken",
}

/** Why something was refused: what is wrong with which field where the core says it, else the code in words. */
export function why(refusal) {
  const fields = Object.entries(refusal?.fields ?? {})
  if (refusal?.code === "invalid" && fields.length > 0) return fields.map(wrongField).join(" ")
  const key = refusals[refusal?.code]
  return key ? word(key) : refusal?.message || word("why_unknown")
}

/** Whether name and password were right, and a code is asked for beside them. */
export const wantsCode = (refusal) => refusal?.code === "wrong_credentials" && refusal.fields?.code !== undefined

const fieldNames = {
  url: "server_address",
  name: "your_name",
  login: "your_name",
  display_name: "display_name",
  password: "password",
  invite: "invite_code",
  text: "message",
  topic: "topic",
  code: "join_code",
}

function wrongField([field, what]) {
  const name = fieldNames[field]
  return word("wrong_field", { field: name ? word(name) : field, what })
}

/** What is happening to a message that is not confirmed, in a few words; nothing when all is well. */
export function fate(row, live) {
  if (row.state === "failed") return why(row.error)
  if (row.state === "blocked") return word("state_blocked")
  if (row.state) return live ? word("state_sending") : word("state_waiting")
  return row.pending_edit ? word(live ? "state_saving" : "state_edit_waiting") : ""
}

/** From here on it is said how much may still be written. */
const NEAR_LIMIT = 200

/** How much of a text's room is left, or how much too long it is; nothing while there is plenty. */
export function space(left) {
  if (left < 0) return word("over_limit", { n: -left })
  return left < NEAR_LIMIT ? word("left_to_write", { n: left }) : ""
}

const problems = {
  core_broken: "problem_core_broken",
  store_damaged: "problem_store_damaged",
  store_broken: "problem_store_broken",
  outbox_unreadable: "problem_outbox_unreadable",
  key_missing: "problem_key_missing",
  keyring_locked: "problem_keyring_locked",
  no_keyring: "problem_no_keyring",
  disk_full: "problem_disk_full",
  join_refused: "problem_join_refused",
  leave_refused: "problem_leave_refused",
}

/** Something the person must know of, as the core said it when there are no words of ours. */
export const problem = ({ code, message }) => (problems[code] ? word(problems[code]) : message)

const roles = { owner: "role_owner", admin: "role_admin", member: "role_member" }

/** A role in a room. */
export const role = (name) => word(roles[name] ?? "role_member")

const presences = { online: "online", away: "away", offline: "offline" }

/** How someone is there. */
export const presenceWord = (state) => word(presences[state] ?? "offline")

/** A person's name as shown; of whoever is unknown or deleted, a word instead. */
export function nameOf(person) {
  if (!person) return word("somebody")
  return person.deleted ? word("deleted_person") : person.display_name || person.name
}
