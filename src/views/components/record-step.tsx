interface Props {
  href: string
  rel: 'prev' | 'next'
  /** Whether K and J lead there as well. */
  hasShortcuts: boolean
}

/** The way to the record before or after. */
export const RecordStep = ({ href, rel, hasShortcuts }: Props) => {
  const [letter, text] = rel === 'prev' ? ['K', 'Previous'] : ['J', 'Next']
  const keys = hasShortcuts ? { 'data-key': letter.toLowerCase(), 'aria-keyshortcuts': letter } : {}
  return (
    <a class="button button--s" href={href} rel={rel} {...keys}>
      {text}
      {hasShortcuts ? (
        <>
          {' '}
          <kbd>{letter}</kbd>
        </>
      ) : null}
    </a>
  )
}
