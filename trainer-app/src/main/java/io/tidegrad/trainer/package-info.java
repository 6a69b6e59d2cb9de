@NullMarked
package io.tidegrad.trainer;

import org.jspecify.annotations.NullMarked;
