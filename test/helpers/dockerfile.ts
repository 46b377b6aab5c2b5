import {
  DockerfileParser,
  type Instruction,
  JSONInstruction,
  ModifiableInstruction,
  PropertyInstruction,
} from 'dockerfile-ast';

export interface Step {
  /** In capitals. */
  readonly keyword: string;
  readonly flags: Readonly<Record<string, string>>;
  /** Arguments without flags. */
  readonly words: readonly string[];
  /** Of the exec form, `["a", "b"]`. */
  readonly exec: readonly string[] | undefined;
  /** Of ENV, ARG and LABEL, without quotes. */
  readonly values: Readonly<Record<string, string>>;
  /** Everything after the keyword and its flags, as it stands. */
  readonly text: string;
}

export interface Stage {
  readonly image: string;
  readonly name: string | undefined;
  readonly steps: readonly Step[];
}

/** A Dockerfile's stages in order. */
export function readDockerfile(content: string): Stage[] {
  const stages: { image: string; name: string | undefined; steps: Step[] }[] = [];
  for (const instruction of DockerfileParser.parse(content).getInstructions()) {
    const step = stepOf(instruction);
    const [image = '', , name] = step.words;
    if (step.keyword === 'FROM') stages.push({ image, name, steps: [] });
    else stages.at(-1)?.steps.push(step);
  }
  return stages;
}

function stepOf(instruction: Instruction): Step {
  const flags = instruction instanceof ModifiableInstruction ? instruction.getFlags() : [];
  const values = instruction instanceof PropertyInstruction ? instruction.getProperties() : [];
  const json = instruction instanceof JSONInstruction ? instruction.getJSONStrings() : [];
  const keyword = instruction.getKeyword();
  const raw = (instruction.getRawArgumentsContent() ?? '').replace(/^(--\S+\s+)+/, '');
  // HEALTHCHECK holds another instruction, whose exec form the parser leaves alone.
  const [, inner] = keyword === 'HEALTHCHECK' ? (/^CMD\s+(\[.*\])$/s.exec(raw) ?? []) : [];
  const exec = json.map((argument) => argument.getJSONValue());
  return {
    keyword,
    flags: Object.fromEntries(flags.map((flag) => [flag.getName(), flag.getValue() ?? ''])),
    words: instruction.getArguments().map((argument) => argument.getValue()),
    exec: inner ? (JSON.parse(inner) as string[]) : exec.length > 0 ? exec : undefined,
    values: Object.fromEntries(values.map((value) => [value.getName(), value.getValue() ?? ''])),
    text: raw,
  };
}
