// Files that are chosen or dropped on the upload page, sent one after the other.
import { all } from './select.js'
import { readable, refusal, send, startRun } from './transfer.js'
import { sizeText } from './words.js'

const uploads = (form) => {
  const input = form.querySelector('input[type=file]')
  const drop = form.querySelector('.drop')
  const area = form.querySelector('[data-transfers]')
  const list = area.querySelector('.transfers')
  const blueprint = form.querySelector('template')
  const max = Number(form.dataset.max)
  let busy = Promise.resolve()
  for (const hint of all('[data-script-only]', form)) hint.hidden = false

  const rowFor = (file) => {
    const row = blueprint.content.firstElementChild.cloneNode(true)
    row.querySelector('.transfer__name').textContent = file.name
    row.querySelector('progress').setAttribute('aria-label', file.name)
    const cancel = row.querySelector('[data-part=cancel]')
    cancel.setAttribute('aria-label', `Cancel ${file.name}`)
    const why = refusal(file, max)
    row.dataset.state = why === null ? 'queued' : 'failed'
    row.querySelector('.transfer__state').textContent = why === null ? 'waits' : 'not sent'
    row.querySelector('[data-part=detail]').textContent = why ?? sizeText(file.size)
    cancel.hidden = why !== null
    cancel.onclick = () => {
      row.dataset.state = 'cancelled'
      row.querySelector('.transfer__state').textContent = 'cancelled'
      cancel.hidden = true
    }
    list.append(row)
    return row
  }

  const summarise = () => {
    const of = (state) => list.querySelectorAll(`[data-state=${state}]`).length
    const open = of('queued') + of('running')
    area.querySelector('[data-part=summary]').textContent =
      `${of('completed')} uploaded, ${of('failed')} failed${open > 0 ? `, ${open} to go` : ''}`
  }

  const sendAll = async (files, options) => {
    let dataset
    let arrived
    for (const { file, row } of files) {
      const query = new URLSearchParams()
      const own = options.name !== '' && (options.together || files.length === 1)
      query.set('name', own ? options.name : file.name.replace(readable, ''))
      if (options.together && dataset !== undefined) query.set('dataset', dataset)
      if (options.run && !options.together) {
        query.set('run', '1')
        query.set('last', '1')
      }
      const answer = await send(file, `${form.dataset.upload}?${query}`, row)
      dataset ??= answer?.datasetId
      if (answer !== null) arrived = row
      summarise()
    }
    // Not with the last file: it may fail or be cancelled, and those that arrived are run all the same.
    if (options.run && options.together && dataset !== undefined) await startRun(dataset, arrived)
  }

  const take = (chosen) => {
    const files = [...chosen].map((file) => ({ file, row: rowFor(file) }))
    if (files.length === 0) return
    area.hidden = false
    summarise()
    const options = {
      name: form.elements.name.value.trim(),
      together: form.elements.together.value === 'yes',
      run: form.elements.run.checked,
    }
    const good = files.filter(({ row }) => row.dataset.state === 'queued')
    busy = busy.then(() => sendAll(good, options))
    input.value = ''
  }

  input.addEventListener('change', () => take(input.files))
  form.addEventListener('submit', (event) => event.preventDefault())
  for (const name of ['dragenter', 'dragover']) {
    drop.addEventListener(name, (event) => {
      event.preventDefault()
      drop.dataset.over = ''
    })
  }
  for (const name of ['dragleave', 'drop']) drop.addEventListener(name, () => delete drop.dataset.over)
  drop.addEventListener('drop', (event) => {
    event.preventDefault()
    take(event.dataTransfer.files)
  })
  // A file dropped beside the zone must not replace the page, and leaving must not lose a transfer.
  for (const name of ['dragover', 'drop']) window.addEventListener(name, (event) => event.preventDefault())
  window.addEventListener('beforeunload', (event) => {
    if (list.querySelector('[data-state=queued], [data-state=running]') !== null) event.preventDefault()
  })
}
for (const form of all('form[data-upload]')) uploads(form)
