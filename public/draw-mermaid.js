// Draws the Mermaid text of a flow with the mermaid package itself; only /flows/ID/mermaid loads it.
import mermaid from '/vendor/mermaid/mermaid.esm.min.mjs'

const place = document.getElementById('mermaid-drawing')
const say = (text) => {
  const words = document.createElement('p')
  words.className = 'quiet'
  words.textContent = text
  place.replaceChildren(words)
}

say('Drawing…')
mermaid.initialize({
  startOnLoad: false,
  securityLevel: 'strict',
  htmlLabels: false,
  layout: 'dagre',
  look: 'classic',
  theme: 'default',
  deterministicIds: true,
  // The server wrote the text, of a flow that it accepted.
  maxTextSize: 1_000_000,
  maxEdges: 10_000,
})
try {
  const { svg } = await mermaid.render('flow', document.getElementById('mermaid-source').textContent)
  place.innerHTML = svg
  // A long flow is scrolled rather than shrunk until nobody can read it.
  place.style.minWidth = `${Math.round(place.firstElementChild.viewBox.baseVal.width * 0.75)}px`
  place.dataset.state = 'drawn'
} catch {
  say('Mermaid could not draw this text. The page of the flow has its own drawing.')
  place.dataset.state = 'failed'
}
