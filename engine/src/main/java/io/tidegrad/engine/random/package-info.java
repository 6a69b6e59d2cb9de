/// Random numbers and hashes that are pure functions of their arguments.
@NullMarked
package io.tidegrad.engine.random;

import org.jspecify.annotations.NullMarked;
