using System.Reflection;

namespace Jitvmm.Runtime.Paravirt;

/// <summary>A hypercall as compiled code carries it out, without leaving.</summary>
/// <param name="Method">
/// A static method of the CPU state and the arguments that returns the result. It raises nothing, and touches neither registers nor guest memory. Null: the result is
/// <paramref name="Constant"/>.
/// </param>
/// <param name="Arguments">Numbers of the general registers passed, in the method's order.</param>
/// <param name="Result">Number of the general register that gets the result.</param>
/// <param name="Constant">The result when there is nothing to do.</param>
public sealed record HypercallBody(MethodInfo? Method, IReadOnlyList<int> Arguments, int Result, ulong Constant = 0);
