@NullMarked
package io.tidegrad.engine;

import org.jspecify.annotations.NullMarked;
