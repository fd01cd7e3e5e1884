/**
 * Suffixes below which anyone can register a name (publicsuffix.org). The list is the well-known
 * part of a long one that changes weekly. Every last label is a suffix too and is not listed.
 */
const PUBLIC: ReadonlySet<string> = new Set(
  [
    'github.io gitlab.io bitbucket.io github.dev app.github.dev githubpreview.dev readthedocs.io gitbook.io',
    'pages.dev workers.dev r2.dev trycloudflare.com cloudfront.net b-cdn.net fastly.net edgekey.net',
    'vercel.app vercel.dev now.sh netlify.app netlify.com web.app firebaseapp.com appspot.com surge.sh',
    'herokuapp.com onrender.com fly.dev deno.dev deno.net railway.app up.railway.app koyeb.app zeabur.app',
    'azurewebsites.net azurefd.net azureedge.net trafficmanager.net cloudapp.net azure-api.net',
    'amplifyapp.com ondigitalocean.app kinsta.page kinsta.app cyclic.app pythonanywhere.com glitch.me',
    'repl.co replit.app replit.dev stackblitz.io webcontainer.io csb.app codesandbox.io gitpod.io val.run',
    'ngrok.io ngrok.app ngrok.dev ngrok.pizza ngrok-free.app ngrok-free.dev ngrok-free.pizza loca.lt',
    'localtunnel.me localhost.run lhr.life serveo.net blogspot.com wordpress.com tumblr.com wixsite.com',
    'wixstudio.com weebly.com squarespace.com webflow.io myshopify.com framer.app framer.website carrd.co',
    'bubbleapps.io streamlit.app hf.space lovable.app bolt.host supabase.co neocities.org altervista.org',
    'duckdns.org ddns.net hopto.org zapto.org dyndns.org no-ip.org myftp.org eu.org js.org is-a.dev pp.ua',
    'uk.com us.com eu.com co.com de.com ru.com za.com br.com cn.com jp.net gb.net uk.net se.net us.org',
    'co.nl com.de gob.es priv.at act.edu.au nsw.edu.au vic.edu.au',
    'sch.uk ltd.uk plc.uk me.uk nhs.uk police.uk asn.au id.au geek.nz gen.nz kiwi.nz maori.nz school.nz',
    'iwi.nz cri.nz health.nz govt.nz ad.jp ed.jp gr.jp lg.jp re.kr pe.kr firm.in ind.in gen.in nic.in res.in',
    'web.za law.za nom.za school.za adv.br art.br blog.br dev.br eco.br eng.br ind.br inf.br app.br tec.br',
    'idv.tw game.tw ebiz.tw club.tw idv.hk k12.tr bel.tr gen.tr web.tr biz.tr info.tr name.tr web.id my.id',
    'biz.id sch.id ponpes.id or.id in.th mi.th biz.pl info.pl waw.pl tm.fr asso.fr nom.fr',
  ].flatMap(line => line.split(' ')),
)

/**
 * The names below these have several levels, such as a region, so that no level is surely one
 * owner's.
 */
const DEEP: ReadonlySet<string> = new Set(
  [
    'amazonaws.com amazonaws.com.cn on.aws elasticbeanstalk.com awsapprunner.com lightsail.aws',
    'azure.com windows.net azurestaticapps.net azurecontainerapps.io run.app googleusercontent.com',
    'googleapis.com cloudfunctions.net cloudworkstations.dev r.appspot.com digitaloceanspaces.com',
    'linodeobjects.com appdomain.cloud wasabisys.com backblazeb2.com r2.cloudflarestorage.com',
    'nip.io sslip.io xip.io traefik.me akamaized.net oraclecloud.com oraclecloudapps.com',
  ].flatMap(line => line.split(' ')),
)

/**
 * RFC 6762 appendix G, RFC 6761, RFC 2606 and ICANN's `internal`: no name below can be registered.
 */
const INTERNAL: ReadonlySet<string> = new Set(
  'corp example home internal intranet invalid lan local localdomain localhost private test'.split(' '),
)

/** As in `co.uk`: the second label of a country's domain. */
const SECOND_LEVEL: ReadonlySet<string> = new Set(
  'ac co com edu gen go gob gouv gov govt gv ltd mil ne net nom or org sch'.split(' '),
)

export const internalSuffix = (label: string | undefined): boolean =>
  label !== undefined && INTERNAL.has(label)

export const isDeepSuffix = (name: string): boolean => DEEP.has(name)

export function isPublicSuffix(name: string): boolean {
  if (PUBLIC.has(name)) return true
  const [second = '', country = '', more] = name.split('.')
  if (more === undefined) return country.length === 2 && SECOND_LEVEL.has(second)
  // `blogspot` has one for each country.
  return name.startsWith('blogspot.') && isPublicSuffix(name.slice('blogspot.'.length))
}
