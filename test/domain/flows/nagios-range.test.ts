import { describe, expect, test } from 'vitest'
import { judgeRange } from '../../../src/domain/flows/checks/limits.ts'
import { parseNagiosRange, rangeAlerts } from '../../../src/domain/flows/checks/nagios-range.ts'

function range(text: string) {
  const parsed = parseNagiosRange(text)
  if (parsed === undefined) throw new Error(`${text} is no range`)
  return parsed
}

/** The table “Example ranges” of the Monitoring Plugins guideline, with the values at each end and beyond it. */
describe('a range of the plugin guideline', () => {
  test.each([
    ['10', [-1, -0.001, 10.001, 11], [0, 5, 10]],
    ['10:', [-5, 9, 9.999], [10, 11, 1e12]],
    ['~:10', [10.001, 11], [-1e12, 0, 10]],
    ['10:20', [9.999, 20.001, -15], [10, 15, 20]],
    ['@10:20', [10, 15, 20], [9.999, 20.001, -15]],
    ['0', [-1, 1], [0]],
    ['0:0', [-0.001, 0.001], [0]],
    ['-10:-5', [-11, -4, 0], [-10, -5]],
    ['-1.5:1.5', [-1.6, 1.6], [-1.5, 0, 1.5]],
    ['@~:20', [-1e12, 20], [20.001]],
    ['@10:', [10, 1e12], [9.999]],
    ['@0', [0], [-1, 1]],
    ['~:', [], [-1e12, 0, 1e12]],
    [' 10 ', [11], [10]],
  ])('%s', (text, alerting, good) => {
    expect(alerting.filter((value) => !rangeAlerts(range(text), value))).toEqual([])
    expect(good.filter((value) => rangeAlerts(range(text), value))).toEqual([])
  })
  test.each([
    '',
    ' ',
    ':',
    '@',
    '@:',
    '~',
    '20:10',
    '-10',
    'a',
    '10:~',
    '1 2',
    '10::20',
    '1e3',
    '10%',
    '@@1',
  ])('“%s” is none', (text) => expect(parseNagiosRange(text)).toBeUndefined())
})

/** Its table “Command line examples”: which of both speaks. */
test.each([
  ['10', '20', { '-1': 'fail', 0: 'pass', 10: 'pass', 11: 'warn', 20: 'warn', 21: 'fail' }],
  ['~:10', '~:20', { '-1': 'pass', 10: 'pass', 11: 'warn', 21: 'fail' }],
  ['10:', '20', { '-1': 'fail', 9: 'warn', 10: 'pass', 20: 'pass', 21: 'fail' }],
  [undefined, '1:', { 0: 'fail', 1: 'pass' }],
  ['~:0', '10', { '-1': 'fail', 0: 'pass', 1: 'warn', 10: 'warn', 11: 'fail' }],
  [undefined, '5:6', { 4: 'fail', 5: 'pass', 6: 'pass', 7: 'fail' }],
  [undefined, '@10:20', { 9: 'pass', 10: 'fail', 20: 'fail', 21: 'pass' }],
])('warn %s with fail %s', (warn, fail, outcomes) => {
  const limits = { warn: warn === undefined ? undefined : range(warn), fail: range(fail) }
  for (const [value, outcome] of Object.entries(outcomes)) {
    expect([value, judgeRange(limits, Number(value), 'It').outcome]).toEqual([value, outcome])
  }
})

test.each([
  ['10', 12, 'at most 10'],
  ['10', -1, '0 to 10'],
  ['10:', 9, 'at least 10'],
  ['~:10', 11, 'at most 10'],
  ['10:20', 9, '10 to 20'],
  ['@10:20', 15, 'outside 10 to 20'],
  ['@~:20', 15, 'above 20'],
  ['@10:', 15, 'below 10'],
])('%s says of %d that %s was expected', (text, value, expected) => {
  expect(judgeRange({ warn: undefined, fail: range(text) }, value, 'It is so')).toMatchObject({
    outcome: 'fail',
    expected,
    message: `It is so; ${expected} expected.`,
  })
})
