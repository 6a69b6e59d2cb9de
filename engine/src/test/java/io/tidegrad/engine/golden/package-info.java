@NullMarked
package io.tidegrad.engine.golden;

import org.jspecify.annotations.NullMarked;
