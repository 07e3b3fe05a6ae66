#include "backends/native/import_scan.h"

#include <gtest/gtest.h>

namespace cloister::backends::native {
namespace {

using sandbox::Zygote;

TEST(PickZygote, TakesTheSmallestThatHasTheImports) {
  EXPECT_EQ(pick_zygote(""), Zygote::kBase);
  EXPECT_EQ(pick_zygote("print('hello')"), Zygote::kBase);
  EXPECT_EQ(pick_zygote("import os, sys\nimport json"), Zygote::kBase);
  EXPECT_EQ(pick_zygote("import numpy"), Zygote::kData);
  EXPECT_EQ(pick_zygote("import os\nimport numpy as np, pandas"), Zygote::kData);
  EXPECT_EQ(pick_zygote("import asyncio"), Zygote::kData);
  EXPECT_EQ(pick_zygote("from scipy.stats import norm"), Zygote::kData);
  EXPECT_EQ(pick_zygote("import numpy; import matplotlib.pyplot as plt"), Zygote::kPlot);
  EXPECT_EQ(pick_zygote("def f():\n    import seaborn\n"), Zygote::kPlot);
  EXPECT_EQ(pick_zygote("import os, matplotlib"), Zygote::kPlot);
}

TEST(PickZygote, IsNotMisledByLikeNames) {
  EXPECT_EQ(pick_zygote("importnumpy"), Zygote::kBase);
  EXPECT_EQ(pick_zygote("import numpyish"), Zygote::kBase);
  EXPECT_EQ(pick_zygote("numpy = 1"), Zygote::kBase);
  EXPECT_EQ(pick_zygote("import my.numpy"), Zygote::kBase);
}

TEST(PickZygote, TakesAnyBytes) {
  EXPECT_EQ(pick_zygote("import"), Zygote::kBase);
  EXPECT_EQ(pick_zygote("import ,,,\nfrom\n\xff\xfe;;"), Zygote::kBase);
}

}  // namespace
}  // namespace cloister::backends::native
