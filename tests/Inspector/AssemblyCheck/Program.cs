using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Runtime.CompilerServices;
using ICSharpCode.Decompiler;
using ICSharpCode.Decompiler.IL;
using ICSharpCode.Decompiler.Metadata;
using ICSharpCode.Decompiler.TypeSystem;

namespace Jitvmm.Tests.Inspector.AssemblyCheck;

/// <summary>
/// Checks an assembly of a cache's regions as somebody who knows nothing of the cache: each method is read by a decompiler, which follows the types on the evaluation stack through all
/// branches and says what does not fit, and compiled by RyuJIT, which refuses a method that is none. None is run.
/// </summary>
internal static class Program
{
    /// <summary>Prints what is wrong, then how many methods there are and how many problems. Status 1 when there is one.</summary>
    public static int Main(string[] arguments)
    {
        string path = Path.GetFullPath(arguments[0]);
        int methods = 0;
        int problems = 0;
        using PEFile file = new(path);
        DecompilerTypeSystem types = new(file, new UniversalAssemblyResolver(path, false, file.DetectTargetFrameworkId()), TypeSystemOptions.Default);
        Module module = Assembly.LoadFrom(path).ManifestModule;
        foreach (MethodDefinitionHandle handle in file.Metadata.MethodDefinitions)
        {
            MethodDefinition method = file.Metadata.GetMethodDefinition(handle);
            string name = file.Metadata.GetString(method.Name);
            methods++;
            foreach (string problem in ProblemsOf(new ILReader(types.MainModule), file, handle, method).Append(Compile(module, MetadataTokens.GetToken(handle))).OfType<string>())
            {
                problems++;
                Console.WriteLine($"{name}: {problem}");
            }
        }

        Console.WriteLine($"{methods} methods, {problems} problems");
        return problems == 0 ? 0 : 1;
    }

    /// <summary>What the reader does not like, but for tail calls through pointers: ECMA-335 has them (III.2.4), and the reader does not know them.</summary>
    private static IEnumerable<string> ProblemsOf(ILReader reader, PEFile file, MethodDefinitionHandle handle, MethodDefinition method) =>
        reader.ReadIL(handle, file.GetMethodBody(method.RelativeVirtualAddress), kind: ILFunctionKind.TopLevelFunction).Warnings
            .Where(static warning => !warning.EndsWith("Ignored invalid 'tail' prefix", StringComparison.Ordinal));

    private static string? Compile(Module module, int token)
    {
        try
        {
            RuntimeHelpers.PrepareMethod(module.ResolveMethod(token)!.MethodHandle);
            return null;
        }
        catch (Exception error) when (error is InvalidProgramException or MemberAccessException or TypeLoadException or BadImageFormatException)
        {
            return error.Message;
        }
    }
}
