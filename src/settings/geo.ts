/** Databases of countries and networks, for whoever reads what the command line tells. */
import { setting } from './bridge.ts'
import * as kinds from './kinds.ts'

export const geoSettings = {
  country: setting(
    kinds.fileOrNone,
    '',
    'A database of countries in the format of MaxMind (mmdb), such as GeoLite2, DB-IP or ip-location-db publish: then `list`, `why` and `report` say where a source is registered. The command line alone reads it, and goes on without where it is missing or damaged. What it says is a guess: nobody is locked out or spared by it.',
  ),
  asn: setting(
    kinds.fileOrNone,
    '',
    'The same of networks: the number of the autonomous system, and whose it is.',
  ),
}
