@NullMarked
package io.tidegrad.loadtests;

import org.jspecify.annotations.NullMarked;
