/** Starts the window: words, the feed, the first screen, and the sign that it is painted. */
import "./components/app-frame/app-frame.js"
import { core, subscribe } from "./core.js"
import { make } from "./lib/dom.js"
import { choose, load } from "./lib/words.js"
import { state, take, touch } from "./state.js"

const frame = () => new Promise((done) => requestAnimationFrame(done))

/** Says that the first screen can be read; one frame draws it, the next one comes when it was shown. */
async function painted() {
  await frame()
  await frame()
  document.documentElement.dataset.ready = ""
  core.painted().catch(reportError)
}

/** The language chosen here, else those of the system. */
const language = choose([localStorage.getItem("language"), ...navigator.languages].filter(Boolean))
document.documentElement.lang = language
document.addEventListener("settled", painted, { once: true })

/** Without the accounts there is still a window, and it says why they are not there. */
async function accountsHere() {
  try {
    return await core.accounts()
  } catch ({ code, message }) {
    take([{ what: "problem", account: null, code, message }])
    return []
  }
}

const [accounts] = await Promise.all([accountsHere(), load(language)])
if (accounts.length === 0) state.heard = true
document.body.append(make("app-frame"))
await subscribe((batch) => {
  const first = !state.heard
  take(batch)
  if (first) touch("accounts")
})

/** The system says that the network came or went: the links find out at once. */
for (const name of ["online", "offline"]) addEventListener(name, () => core.network().catch(() => {}))
