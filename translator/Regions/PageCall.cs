using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Paravirt;

namespace Jitvmm.Translator.Regions;

/// <summary>A call into the hypercall page as a region makes it: without calling.</summary>
/// <param name="Site">Its number in <see cref="HypercallSites"/>.</param>
/// <param name="Body">What it does.</param>
/// <param name="Target">The page's entry, whose code is that it does this and returns.</param>
/// <param name="ExpectedNumber">The number the body is for, where only the calls so far say so; null when the block fixes it, or the body takes any.</param>
public sealed record PageCall(int Site, HypercallBody Body, TranslationBlock Target, ulong? ExpectedNumber);
