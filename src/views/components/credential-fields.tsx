import { Field, InputField } from './field.tsx'

/** `email`, as browsers and password managers know it. */
export const EmailField = ({ email }: { email: string | undefined }) => (
  <InputField
    name="email"
    label="E-mail address"
    type="email"
    autocomplete="username"
    required
    value={email}
  />
)

interface PasswordProps {
  id?: string
  name?: string
  label?: string
  hint?: string
}

/** The password one has. */
export const PasswordField = ({
  id = 'password',
  name = 'password',
  label = 'Password',
  hint,
}: PasswordProps) => (
  <Field
    id={id}
    label={label}
    {...(hint === undefined ? {} : { hint })}
    control={(tied) => (
      <input class="input" name={name} type="password" autocomplete="current-password" required {...tied} />
    )}
  />
)

/** `password`, a new one of at least so many characters. */
export const NewPasswordField = ({
  id = 'password',
  label = 'Password',
  least,
}: {
  id?: string
  label?: string
  least: number
}) => (
  <Field
    id={id}
    label={label}
    hint={`At least ${least} characters; a few words are fine.`}
    control={(tied) => (
      <input
        class="input"
        name="password"
        type="password"
        autocomplete="new-password"
        required
        minlength={least}
        {...tied}
      />
    )}
  />
)
