#!/usr/bin/env -S node --max-semi-space-size=16 --heap-growing-percent=50
// The flags halve the memory under load, at no cost in throughput that we could measure: docs/decisions/0010.
// Plain old-syntax JavaScript, so that a Node that is too old can say so instead of showing a syntax error.
var wanted = [24, 15]
var have = process.versions.node.split('.').map(Number)

if (have[0] > wanted[0] || (have[0] === wanted[0] && have[1] >= wanted[1])) {
  start()
} else {
  process.stderr.write(
    'Leaf needs Node ' +
      wanted.join('.') +
      ' or newer; this is Node ' +
      process.versions.node +
      '.\n' +
      'In the checkout, "npm ci" brings a fitting Node along: start Leaf with "npm start" or "npm run leaf -- <command>".\n',
  )
  process.exitCode = 1
}

function start() {
  Promise.all([import('node:module'), import('node:os'), import('node:path'), import('node:fs')])
    .then(function (loaded) {
      var module = loaded[0]
      var path = loaded[2]
      var home = loaded[1].homedir() || loaded[1].tmpdir()
      var cache = process.env.XDG_CACHE_HOME || path.join(home, '.cache')
      // Keeps modules compiled (and their types stripped) between starts: half the time to the first answer.
      module.enableCompileCache(process.env.NODE_COMPILE_CACHE || path.join(cache, 'leaf'))
      if (!runsFromSource(path, loaded[3])) return
      // In a checkout, the packages beside the server are used as they are written, whatever started this file.
      module.registerHooks({
        resolve: function (specifier, context, next) {
          if (specifier.indexOf('@leaf/') !== 0) return next(specifier, context)
          return next(
            specifier,
            Object.assign({}, context, { conditions: ['leaf-source'].concat(context.conditions) }),
          )
        },
      })
    })
    .then(function () {
      return import('../main.ts')
    })
    .catch(function (error) {
      console.error(error)
      process.exitCode = 70
    })
}

function runsFromSource(path, fs) {
  var given = process.execArgv.concat((process.env.NODE_OPTIONS || '').split(' '))
  if (given.indexOf('--conditions=leaf-source') >= 0) return false
  return fs.existsSync(path.join(import.meta.dirname, '../../packages/atproto/src'))
}
