/** What someone is told who is slowed. */
export const tooMany = ({ waitSeconds }: { readonly waitSeconds: number }): string =>
  `Too many attempts. Wait ${inWords(waitSeconds)} and try again.`

const inWords = (seconds: number) =>
  seconds < 90 ? `${seconds} ${seconds === 1 ? 'second' : 'seconds'}` : `${Math.ceil(seconds / 60)} minutes`
