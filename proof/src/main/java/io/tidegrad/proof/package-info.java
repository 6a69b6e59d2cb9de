@NullMarked
package io.tidegrad.proof;

import org.jspecify.annotations.NullMarked;
