@NullMarked
package io.tidegrad.loadtests.rivals;

import org.jspecify.annotations.NullMarked;
