/**
 * Objects of one property whose name says what they are, as libnftables-json(5) has them for commands, statements and expressions. Not z.union, which
 * tries each of them in turn and can then only say that none fits: this one looks at the name, and tells what is wrong inside.
 */
import * as z from 'zod'

/** Of `{ a: A, b: B }`: `{ a: TypeOfA } | { b: TypeOfB }`. */
export type Tagged<Options extends Readonly<Record<string, z.ZodType>>> = {
  [Name in keyof Options]: { [One in Name]: z.infer<Options[One]> }
}[keyof Options]

/** Its schema. Written out with `typeof`, it stays short in declarations, which else have all options spelt out, each time. */
export type TaggedSchema<Options extends Readonly<Record<string, z.ZodType>>> = z.ZodType<
  Tagged<Options>,
  Tagged<Options>
>

export function tagged<const Options extends Readonly<Record<string, z.ZodType>>>(
  options: Options,
): TaggedSchema<Options> {
  const schema = z.unknown().transform((value, context) => {
    const [name, ...others] = typeof value === 'object' && value !== null ? Object.keys(value) : []
    if (name === undefined || others.length > 0 || !Object.hasOwn(options, name)) {
      context.addIssue({ code: 'custom', message: `expected one of ${Object.keys(options).join(', ')}` })
      return z.NEVER
    }
    const read = options[name]!.safeParse((value as Record<string, unknown>)[name])
    if (read.success) return { [name]: read.data }
    for (const issue of read.error.issues)
      context.addIssue({ code: 'custom', message: issue.message, path: [name, ...issue.path] })
    return z.NEVER
  })
  return schema as unknown as TaggedSchema<Options>
}

/** One of these, or a list of them; always a list from here on: libnftables 1.0.6 takes no notice of a single flag of a set that is none. */
export function listOf<T extends z.ZodType>(one: T): z.ZodType<z.infer<T>[], z.infer<T> | z.infer<T>[]> {
  return z.unknown().transform((value, context) => {
    const read = z.array(one).safeParse(Array.isArray(value) ? value : [value])
    if (read.success) return read.data
    for (const issue of read.error.issues)
      context.addIssue({ code: 'custom', message: issue.message, path: issue.path })
    return z.NEVER
  }) as unknown as z.ZodType<z.infer<T>[], z.infer<T> | z.infer<T>[]>
}
