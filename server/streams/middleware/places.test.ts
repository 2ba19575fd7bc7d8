import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPlaces } from './places.ts'

const open = () =>
  createPlaces({ connectionsMax: 3, connectionsPerAddressMax: 2, bytesMax: 100, bytesPerAddressMax: 60 })

test('connections are bounded for an address and for all', () => {
  const places = open()
  const first = places.take('a')
  assert.ok(first)
  assert.ok(places.take('a'))
  assert.equal(places.take('a'), undefined)
  assert.ok(places.take('b'))
  assert.equal(places.take('c'), undefined)
  first.leave()
  first.leave()
  assert.equal(places.count(), 2)
  assert.ok(places.take('c'))
})

test('bytes are bounded for an address and for all, and held only if they may be', () => {
  const places = open()
  const [one, two, other] = [places.take('a'), places.take('a'), places.take('b')]
  assert.ok(one && two && other)
  assert.ok(one.hold(40))
  assert.ok(!two.hold(21))
  assert.ok(two.hold(20))
  assert.ok(!other.hold(41))
  assert.ok(other.hold(40))
  assert.equal(places.bytes(), 100)
})

test('a place that is left holds nothing, whatever is given back later', () => {
  const places = open()
  const place = places.take('a')
  assert.ok(place)
  place.hold(50)
  place.leave()
  place.free(50)
  assert.equal(places.bytes(), 0)
  assert.ok(!place.hold(1))
})

test('nobody gives back more than she holds', () => {
  const places = open()
  const [one, two] = [places.take('a'), places.take('b')]
  assert.ok(one && two)
  one.hold(10)
  two.hold(10)
  one.free(15)
  assert.equal(places.bytes(), 10)
})
