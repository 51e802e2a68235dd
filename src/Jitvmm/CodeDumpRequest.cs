using Jitvmm.Inspector.Reports;

namespace Jitvmm;

/// <summary>Compiled code that is to be shown when the guest ends.</summary>
/// <param name="Form">As what.</param>
/// <param name="Place">Where: a guest address in hexadecimal, a symbol of the guest's, or symbol+distance.</param>
public sealed record CodeDumpRequest(CodeForm Form, string Place);
