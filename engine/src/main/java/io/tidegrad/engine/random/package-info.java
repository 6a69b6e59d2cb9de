/// Numbers that look random and are pure functions of their arguments.
@NullMarked
package io.tidegrad.engine.random;

import org.jspecify.annotations.NullMarked;
