#!/usr/bin/env node
// Plain old-syntax JavaScript, so that a Node that is too old can say so instead of showing a syntax error.
var wanted = [24, 15]
var have = process.versions.node.split('.').map(Number)

if (have[0] < wanted[0] || (have[0] === wanted[0] && have[1] < wanted[1])) {
  process.stderr.write(
    'Leaf needs Node ' +
      wanted.join('.') +
      ' or newer; this is Node ' +
      process.versions.node +
      '.\n' +
      'In the checkout, "npm ci" brings a fitting Node along: start Leaf with "npm start" or "npm run leaf -- <command>".\n',
  )
  process.exitCode = 1
} else {
  start()
}

function start() {
  Promise.all([import('node:module'), import('node:os'), import('node:path')])
    .then(function (loaded) {
      var home = loaded[1].homedir() || loaded[1].tmpdir()
      var cache = process.env.XDG_CACHE_HOME || loaded[2].join(home, '.cache')
      // Keeps compiled (and type-stripped) modules between starts: less than half the time to the first answer.
      loaded[0].enableCompileCache(process.env.NODE_COMPILE_CACHE || loaded[2].join(cache, 'leaf'))
      return import('../main.ts')
    })
    .catch(function (error) {
      console.error(error)
      process.exitCode = 1
    })
}
