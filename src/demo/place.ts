import { join } from 'node:path'

/** The eight processes, in the order in which files pass them. */
export const demoProcesses = [
  'download',
  'unzip',
  'parse',
  'compress',
  'tsv_store',
  'hadoop_spark',
  'algorithms',
  'sql_results',
] as const
export type DemoProcess = (typeof demoProcesses)[number]

export const isDemoProcess = (name: string): name is DemoProcess =>
  demoProcesses.some((each) => each === name)

/** The folders that files move through, and one for what concerns the simulator itself. */
export const folderNames = [
  'incoming',
  'archives',
  'unzipped',
  'parsed',
  'rejected',
  'compressed',
  'store',
  'hdfs',
  'results',
  'loaded',
  'run',
] as const
export type DemoPlace = { readonly [N in (typeof folderNames)[number]]: string }

export const placeIn = (folder: string): DemoPlace => ({
  incoming: join(folder, 'incoming'),
  archives: join(folder, 'archives'),
  unzipped: join(folder, 'unzipped'),
  parsed: join(folder, 'parsed'),
  rejected: join(folder, 'rejected'),
  compressed: join(folder, 'compressed'),
  store: join(folder, 'store'),
  hdfs: join(folder, 'hdfs'),
  results: join(folder, 'results'),
  loaded: join(folder, 'loaded'),
  run: join(folder, 'run'),
})
