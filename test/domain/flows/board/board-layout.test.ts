import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { gridFor } from '../../../../src/domain/flows/board/board-grid.ts'
import { layoutBoard } from '../../../../src/domain/flows/board/board-layout.ts'
import { topologicalOrder } from '../../../../src/domain/flows/topological-order.ts'
import { chain, flowOf } from '../../../support/flows/flow-text.ts'

const css = readFileSync(new URL('../../../../public/board.css', import.meta.url), 'utf8')

const edge = (text: string) => {
  const [from = '', to = ''] = text.split('>')
  return { from, to }
}

describe('the grid', () => {
  test.each([
    [1, '1x1'],
    [2, '2x1'],
    [3, '3x1'],
    [4, '2x2'],
    [5, '4x2'],
    [8, '4x2'],
    [9, '5x3'],
    [15, '5x3'],
    [16, '6x4'],
    [24, '6x4'],
    [25, '7x5'],
    [36, '8x6'],
    [49, '9x7'],
    [60, '9x7'],
    [64, undefined],
  ])('for %i processes is %s', (processes, name) => {
    expect(gridFor(processes)?.name).toBe(name)
  })

  test.each([1, 2, 3, 4, 8, 15, 24, 35, 48, 63])(
    'for %i fills the width, and leaves room below the last row',
    (processes) => {
      const grid = gridFor(processes)
      if (grid === undefined) throw new Error('no grid')
      const { columns, rows, width, height, columnGap, rowGap } = grid
      expect(columns * width + (columns - 1) * columnGap).toBe(1000)
      expect(rows * height + (rows - 1) * rowGap).toBeLessThan(1000)
    },
  )

  test.each([1, 2, 3, 4, 8, 15, 24, 35, 48, 63])('for %i is in the stylesheet as it is here', (processes) => {
    const grid = gridFor(processes)
    if (grid === undefined) throw new Error('no grid')
    const { name, columns, rows, width, height, columnGap, rowGap } = grid
    const percent = (thousandths: number) => `${thousandths / 10}%`
    const lengths = `repeat(${rows}, ${percent(height)}) / repeat(${columns}, ${percent(width)}); gap: ${percent(rowGap)} ${percent(columnGap)};`
    // The usual one needs no selector.
    const place = name === '4x2' ? '' : `.board__map[data-grid="${name}"] `
    expect(css).toContain(`  ${place}.board__stages { `)
    expect(css.split(`  ${place}.board__stages { `)[1]?.split(' }')[0]).toContain(`grid-template: ${lengths}`)
    expect(css).toContain(`[data-style="tiles"][data-grid="${name}"] .board__stages`)
  })
})

describe('the order', () => {
  test('is that of the file where it leads forward', () => {
    expect(topologicalOrder(['a', 'b', 'c'], [edge('a>c')])).toEqual(['a', 'b', 'c'])
  })

  test('puts a process behind what feeds it', () => {
    expect(topologicalOrder(['c', 'b', 'a'], [edge('a>b'), edge('b>c')])).toEqual(['a', 'b', 'c'])
  })

  test('holds every process once, also where arrows meet', () => {
    const edges = ['a>b', 'a>c', 'b>d', 'c>d', 'a>d'].map(edge)
    expect(topologicalOrder(['d', 'c', 'b', 'a'], edges)).toEqual(['a', 'c', 'b', 'd'])
  })
})

/** Eight processes as in the reference, and their nine connections. */
const eight = flowOf(
  chain({
    processes: ['download', 'unzip', 'parse', 'compress', 'tsv', 'spark', 'algorithms', 'sql'],
    connections: [
      'download>unzip',
      'unzip>parse',
      'parse>compress',
      'parse>tsv',
      'tsv>spark',
      'tsv>algorithms',
      'spark>algorithms',
      'algorithms>sql',
    ]
      .map((text) => {
        const { from, to } = edge(text)
        return `{from: ${from}, to: ${to}}`
      })
      .concat('{from: compress, to: tsv, optional: true}'),
  }),
)

describe('the track', () => {
  const { tracks } = layoutBoard(eight)
  const track = (name: string) => {
    const at = eight.connections.findIndex(({ from, to }) => `${from}>${to}` === name)
    return tracks.find(({ connection }) => connection === at)
  }
  const path = (name: string) => track(name)?.path

  test('runs straight between neighbours of a row', () => {
    expect(path('download>unzip')).toBe('M220 205L260 205')
    expect(path('algorithms>sql')).toBe('M740 715L780 715')
  })

  test('leads to the next row through the gap, and all that leads to one process runs together', () => {
    expect(path('parse>tsv')).toBe('M630 410L630 435L614 460L126 460L110 485L110 510')
    expect(path('compress>tsv')).toBe('M890 410L890 435L874 460L126 460L110 485L110 510')
  })

  test('leads around below the row where it skips a process', () => {
    expect(path('tsv>algorithms')).toBe('M110 920L110 940L126 960L614 960L630 940L630 920')
  })

  test('says which is data, control or optional', () => {
    expect([track('compress>tsv')?.kind, track('download>unzip')?.kind]).toEqual(['optional', 'data'])
  })

  test('draws data over what is optional', () => {
    expect(tracks[0]?.kind).toBe('optional')
  })

  test.each([2, 3, 4, 12, 24, 35, 48, 60])(
    'stays on the map with %i processes, and never leads through one',
    (count) => {
      const ids = Array.from({ length: count }, (_, at) => `p${at}`)
      const links = ids.flatMap((id, at) =>
        [1, 2, 7, 13]
          .filter((step) => at + step < count)
          .map((step) => `{from: ${id}, to: ${ids[at + step]}}`),
      )
      const layout = layoutBoard(flowOf(chain({ processes: ids, connections: links })))
      const { grid } = layout
      if (grid === undefined) throw new Error('no grid')
      const isInside = (x: number, y: number) => {
        const column = x % (grid.width + grid.columnGap)
        const row = y % (grid.height + grid.rowGap)
        return column > 0.1 && column < grid.width - 0.1 && row > 0.1 && row < grid.height - 0.1
      }
      for (const { path } of layout.tracks) {
        const points = [...path.matchAll(/(-?[\d.]+) (-?[\d.]+)/g)].map(
          ([, x, y]) => [Number(x), Number(y)] as const,
        )
        for (const [at, [x, y]] of points.entries()) {
          expect(x >= 0 && x <= 1000 && y >= 0 && y <= 1000, path).toBe(true)
          const [nextX, nextY] = points[at + 1] ?? [x, y]
          for (const part of [0.25, 0.5, 0.75]) {
            expect(isInside(x + (nextX - x) * part, y + (nextY - y) * part), path).toBe(false)
          }
        }
      }
    },
  )
})

test('more than fit on a wall stand as they come, without a track', () => {
  const ids = Array.from({ length: 70 }, (_, at) => `p${at}`)
  const layout = layoutBoard(flowOf(chain({ processes: ids, connections: ['{from: p0, to: p1}'] })))
  expect(layout).toEqual({ grid: undefined, order: ids, tracks: [] })
})
