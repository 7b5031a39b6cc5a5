import "../line-icon/line-icon.js"
import { make, say, sheet } from "../../lib/dom.js"
import { daysFrom, midnight, weeks, weekStart } from "../../lib/calendar.js"
import { moment, monthLine, weekday } from "../../lib/time.js"
import { spoken, word } from "../../lib/words.js"

const shape = sheet(`
  <div class="month">
    <button class="icon before" type="button" data-label="month_before"><line-icon name="back" turn></line-icon></button>
    <b aria-live="polite"></b>
    <button class="icon after" type="button" data-label="month_after"><line-icon name="next" turn></line-icon></button>
  </div>
  <div class="week" aria-hidden="true"></div>
  <div class="days"></div>`)

/** <date-box>   A month to choose a day from, up to today; arrows go from day to day. */
class DateBox extends HTMLElement {
  #at = midnight(Date.now())
  #today = midnight(Date.now())

  connectedCallback() {
    if (this.firstChild) return
    this.popover = "auto"
    this.setAttribute("role", "dialog")
    this.setAttribute("aria-label", word("go_to_day"))
    this.append(shape())
    this.querySelector(".before").addEventListener("click", () => this.#turn(-1))
    this.querySelector(".after").addEventListener("click", () => this.#turn(1))
    this.addEventListener("keydown", (event) => this.#step(event))
  }

  /** Opens beside `anchor` at a day; answers the midnight of the day chosen, or null. */
  choose(anchor, at) {
    this.#at = midnight(at ?? Date.now())
    this.#draw()
    return new Promise((done) => {
      let chosen = null
      this.onclick = ({ target }) => {
        const day = target.closest(".days button")
        if (day) chosen = Number(day.value)
        if (day) this.hidePopover()
      }
      this.ontoggle = ({ newState }) => newState === "closed" && done(chosen)
      this.showPopover()
      this.#place(anchor.getBoundingClientRect())
      this.querySelector("[aria-current]").focus()
    })
  }

  #draw() {
    const day = new Date(this.#at)
    const first = weekStart(spoken())
    const sheet = weeks(day.getFullYear(), day.getMonth(), first)
    say(this.querySelector(".month b"), monthLine(this.#at))
    this.querySelector(".after").disabled = daysFrom(new Date(day.getFullYear(), day.getMonth() + 1, 1).getTime(), 0) > this.#today
    this.querySelector(".week").replaceChildren(...sheet[0].map((at) => make("span", { textContent: weekday(at) })))
    this.querySelector(".days").replaceChildren(...sheet.flat().map((at) => this.#day(at, day.getMonth())))
  }

  #day(at, month) {
    const date = new Date(at)
    const button = make("button", { type: "button", value: String(at), textContent: String(date.getDate()), disabled: at > this.#today, tabIndex: at === this.#at ? 0 : -1 })
    button.setAttribute("aria-label", moment(at, false))
    button.toggleAttribute("beside", date.getMonth() !== month)
    button.toggleAttribute("today", at === this.#today)
    if (at === this.#at) button.setAttribute("aria-current", "date")
    return button
  }

  /** Below the anchor, or above where there is no room; always inside the window. */
  #place(box) {
    const { width, height } = this.getBoundingClientRect()
    const middle = (box.left + box.right - width) / 2
    const top = box.bottom + height + 8 < innerHeight ? box.bottom + 4 : Math.max(8, box.top - height - 4)
    Object.assign(this.style, { left: `${Math.min(Math.max(8, middle), innerWidth - width - 8)}px`, top: `${top}px` })
  }

  #turn(by) {
    const day = new Date(this.#at)
    this.#go(new Date(day.getFullYear(), day.getMonth() + by, 1).getTime())
  }

  #go(at) {
    const held = this.querySelector(".days").contains(document.activeElement)
    this.#at = Math.min(at, this.#today)
    this.#draw()
    if (held) this.querySelector("[aria-current]").focus()
  }

  #step(event) {
    const across = this.matches(":dir(rtl)") ? -1 : 1
    const by = { ArrowRight: across, ArrowLeft: -across, ArrowDown: 7, ArrowUp: -7 }[event.key]
    if (!by || !event.target.closest(".days")) return
    event.preventDefault()
    this.#go(daysFrom(this.#at, by))
  }
}

customElements.define("date-box", DateBox)

/** Lets the person choose a day beside `anchor`. */
export async function pickDay(anchor, at) {
  const box = make("date-box")
  document.body.append(box)
  const chosen = await box.choose(anchor, at)
  box.remove()
  return chosen
}
