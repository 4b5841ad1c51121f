import type { Role } from '../conversations/conversation.ts'

const names: Readonly<Record<Role, readonly string[]>> = {
  system: ['system', 'sys', 'context'],
  developer: ['developer'],
  user: [
    ...[
      'user',
      'human',
      'client',
      'patient',
      'customer',
      'caller',
      'visitor',
      'seeker',
      'help-seeker',
      'help seeker',
    ],
    ...[
      'helpseeker',
      'usr',
      'prompter',
      'student',
      'person',
      'texter',
      'questioner',
      'service user',
      'mentee',
    ],
    ...['来访者', '用户', '求助者'],
  ],
  assistant: [
    ...[
      'assistant',
      'gpt',
      'chatgpt',
      'bot',
      'chatbot',
      'model',
      'ai',
      'bing',
      'bard',
      'claude',
      'llm',
      'agent',
    ],
    ...[
      'therapist',
      'counselor',
      'counsellor',
      'psychologist',
      'psychiatrist',
      'psychotherapist',
      'clinician',
    ],
    ...[
      'doctor',
      'physician',
      'nurse',
      'supporter',
      'helper',
      'listener',
      'coach',
      'advisor',
      'operator',
      'mentor',
    ],
    ...['function_call', '咨询师', '支持者', '助手'],
  ],
  tool: ['tool', 'observation', 'ipython', 'function', 'function_response', 'tool_response'],
}

const byName = new Map<string, Role>(
  Object.entries(names).flatMap(([role, list]) => list.map((name): [string, Role] => [name, role as Role])),
)

/** The canonical role of a source role name (trimmed, case-folded), when it is one we know. */
export const knownRole = (name: string): Role | undefined => byName.get(name.trim().toLowerCase())
