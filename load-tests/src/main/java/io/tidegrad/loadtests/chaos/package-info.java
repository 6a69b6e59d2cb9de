/// What must hold whatever dies when, tried on the real thing: processes of brokers, registry, trainers and a scorer,
/// and faults drawn from a seed.
@NullMarked
package io.tidegrad.loadtests.chaos;

import org.jspecify.annotations.NullMarked;
