@NullMarked
package io.tidegrad.release;

import org.jspecify.annotations.NullMarked;
