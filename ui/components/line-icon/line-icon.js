const space = "http://www.w3.org/2000/svg"

/** <line-icon name="send">   A 20 px line drawing of the sprite in index.html; never the only word for a thing. */
class LineIcon extends HTMLElement {
  static observedAttributes = ["name"]

  connectedCallback() {
    this.setAttribute("aria-hidden", "true")
    this.#draw()
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#draw()
  }

  #draw() {
    const svg = document.createElementNS(space, "svg")
    const use = document.createElementNS(space, "use")
    svg.setAttribute("viewBox", "0 0 20 20")
    use.setAttribute("href", `#icon-${this.getAttribute("name")}`)
    svg.append(use)
    this.replaceChildren(svg)
  }
}

customElements.define("line-icon", LineIcon)
