import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The flow of the demo as it is shipped: off, because no portal watches this folder. */
const shipped = new URL('../../config/demo/helicopter-rdf.yaml', import.meta.url)
const fileName = 'helicopter-rdf.yaml'

/** What the flow's variables are called, and what they are where this simulator runs. */
export interface FlowPlaces {
  readonly data: string
  readonly feed: string
  readonly spark: string
  readonly namenode: string
  readonly store_port: string
}

/**
 * Switches the flow on: the file appears in a folder that the portal watches, with the places filled in.
 * @param flowsFolder `flows` of the portal's data folder
 */
export async function switchFlowOn(flowsFolder: string, places: FlowPlaces): Promise<string> {
  const text = withPlaces(await readFile(shipped, 'utf8'), places)
  await mkdir(flowsFolder, { recursive: true })
  const path = join(flowsFolder, fileName)
  // A file that begins with a dot is not looked at.
  const aside = join(flowsFolder, `.${fileName}`)
  await writeFile(aside, text)
  await rename(aside, path)
  return path
}

export const switchFlowOff = (flowsFolder: string) => rm(join(flowsFolder, fileName), { force: true })

/** Each variable has its line in the file, so that comments and line numbers stay as they are. */
export function withPlaces(text: string, places: FlowPlaces): string {
  return Object.entries(places).reduce((filled, [name, value]) => {
    const line = new RegExp(`^  ${name}: .*$`, 'm')
    if (!line.test(filled)) throw new Error(`the flow of the demo has no variable ${name}`)
    return filled.replace(line, () => `  ${name}: ${JSON.stringify(value.replaceAll('${', '$${'))}`)
  }, text)
}
