const mostLines = 3
/** As wide as a space. Not the no-break space: Mermaid shows that one as “&nbsp;”. */
const otherSpace = '\u2005'
/** Of no width, and no space to whoever looks for one. */
const joiner = '\u2060'

/**
 * A name as the label of a node. The two programs that draw do not agree on escapes, so what either would read as
 * more than text is replaced by its look-alike; long names are broken into lines.
 * @param lineLength characters of a line
 */
export function diagramLabel(name: string, lineLength = 22): string {
  const plain = name
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    // They would turn what stands behind the name around.
    .replaceAll(/[\u202a-\u202e\u2066-\u2069]/g, '')
    .trim()
    .replaceAll('"', '”')
    .replaceAll('`', '’')
    .replaceAll('<', '‹')
    .replaceAll('>', '›')
    .replaceAll('&', '＆')
    .replaceAll('#', '＃')
    .replaceAll(';', '；')
    .replaceAll('\\', '＼')
    .replaceAll('%%', '% %')
    // Emphasis and lists of Markdown.
    .replaceAll('*', '∗')
    .replaceAll('__', '_ _')
    .replaceAll('~~', '~ ~')
    .replace(/^([-+]|\d+[.)]) /, `$1${otherSpace}`)
    // Mermaid takes a line with these two words for a direction, wherever they stand in it.
    .replaceAll(/(direction) (?=TB|TD|BT|RL|LR)/gi, `$1${joiner} `)
  return linesOf(plain, lineLength).join('<br>')
}

function linesOf(text: string, lineLength: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ').flatMap((each) => pieces(each, lineLength))) {
    if (line === '') line = word
    else if ([...line].length + 1 + [...word].length <= lineLength) line += ` ${word}`
    else {
      lines.push(line)
      line = word
    }
  }
  lines.push(line)
  return lines.length <= mostLines ? lines : [...lines.slice(0, mostLines - 1), `${lines[mostLines - 1]}…`]
}

function pieces(word: string, lineLength: number): string[] {
  const characters = [...word]
  const found: string[] = []
  for (let at = 0; at < characters.length; at += lineLength) {
    found.push(characters.slice(at, at + lineLength).join(''))
  }
  return found
}
