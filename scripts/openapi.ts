/** docs/openapi.json, from the table of endpoints. */
import { openApi } from '../src/surface/control/openapi.ts'

export function openApiDocument(): string {
  return JSON.stringify(openApi(), undefined, 2)
}
