/** Who looks. Administrators see every dataset and run, others their own; someone else's is as if it were not. */
export interface Viewer {
  readonly id: string
  readonly role: 'admin' | 'editor' | 'viewer'
}

/** Whether the viewer sees what others own too. */
export const seesEverything = (viewer: Viewer): boolean => viewer.role === 'admin'

/** Whether the viewer may change or run what they see. */
export const canWrite = (viewer: Viewer): boolean => viewer.role !== 'viewer'
