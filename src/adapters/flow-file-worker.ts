/** The body of the threads that read flow files. */
export { readFlowFile as default } from '../domain/flows/monitor/read-flow-file.ts'
