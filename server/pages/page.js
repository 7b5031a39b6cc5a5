// The page behind a mail's link. The token stands behind the `#`, which no browser sends anywhere: it
// leaves with the person's own press of the button, and is good once.
const main = document.querySelector("main")
const form = main.querySelector("form")
const token = location.hash.slice(1)

/** Shows this one of the answers alone. */
const show = (name, text) => {
  for (const part of main.querySelectorAll("[role]")) part.hidden = !part.classList.contains(name)
  if (text) main.querySelector(`.${name}`).textContent = text
  form.hidden = name === "done" || name === "spent"
}

form.addEventListener("submit", async event => {
  event.preventDefault()
  const { password, again } = Object.fromEntries(new FormData(form))
  if (password !== again) return show("differ")
  form.querySelector("button").disabled = true
  try {
    const answer = await fetch(`../api/v1/auth/${main.dataset.call}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token, password }),
    })
    const { fields = {} } = answer.ok ? {} : await answer.json()
    if (answer.ok) show("done")
    else if (fields.token) show("spent")
    else if (fields.password) show("refused", fields.password)
    else show("broken")
  } catch {
    show("broken")
  }
  form.querySelector("button").disabled = false
})

if (!token) show("spent")
