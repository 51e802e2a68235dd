using System.Globalization;
using System.Reflection.Metadata;
using ICSharpCode.Decompiler;
using ICSharpCode.Decompiler.CSharp;
using ICSharpCode.Decompiler.CSharp.OutputVisitor;
using ICSharpCode.Decompiler.CSharp.Syntax;
using ICSharpCode.Decompiler.DebugInfo;
using ICSharpCode.Decompiler.Metadata;
using Jitvmm.Inspector.Translation;
using Jitvmm.Translator.Emit;
using SequencePoint = ICSharpCode.Decompiler.DebugInfo.SequencePoint;

namespace Jitvmm.Inspector.Assemblies;

/// <summary>A region as C#, decompiled from its IL.</summary>
public static class RegionSource
{
    private const string AssemblyName = "region";

    /// <summary>A line of source, and the guest instruction that it starts with; 0 for none.</summary>
    public readonly record struct Line(ulong Guest, string Text);

    /// <summary>Decompiles a region.</summary>
    /// <param name="region">The region.</param>
    /// <param name="head">The guest address of its head.</param>
    /// <param name="symbol">What the guest calls that.</param>
    /// <returns>The lines of its method; null when there are none, and why.</returns>
    public static (IReadOnlyList<Line>? Lines, string? Problem) Decompile(RegionTranslation region, ulong head, string symbol)
    {
        RegionAssembly assembly = new(AssemblyName);
        (string name, IlListing? listing, string? problem) = assembly.Add(region, head, symbol);
        if (listing == null)
        {
            return (null, problem);
        }

        using PEFile file = new($"{AssemblyName}.dll", new MemoryStream([.. assembly.ToImage()]));
        MetadataReader metadata = file.Metadata;
        MethodDefinitionHandle method = metadata.MethodDefinitions.First(handle => metadata.StringComparer.Equals(metadata.GetMethodDefinition(handle).Name, name));
        var settings = new DecompilerSettings(LanguageVersion.Latest) { ThrowOnAssemblyResolveErrors = false, UseDebugSymbols = true, ShowXmlDocumentation = false };
        try
        {
            var decompiler = new CSharpDecompiler(file, new OwnAssemblies(), settings) { DebugInfoProvider = new LocalNames(listing.Locals) };
            SyntaxTree tree = decompiler.Decompile(method);
            string text = Write(tree, settings);
            return (Align(text, decompiler, tree, listing), null);
        }
        catch (DecompilerException error)
        {
            return (null, string.Create(CultureInfo.InvariantCulture, $"it cannot be decompiled: {error.Message.Split('\n')[0]}"));
        }
    }

    private static string Write(SyntaxTree tree, DecompilerSettings settings)
    {
        var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        TokenWriter writer = TokenWriter.CreateWriterThatSetsLocationsInAST(text, "    ");
        tree.AcceptVisitor(new CSharpOutputVisitor(writer, settings.CSharpFormattingOptions));
        return text.ToString();
    }

    /// <summary>A line is the guest instruction's whose IL it begins with; braces and labels are those of the line before.</summary>
    private static List<Line> Align(string text, CSharpDecompiler decompiler, SyntaxTree tree, IlListing listing)
    {
        string[] lines = text.TrimEnd('\n').Split('\n');
        int[] offsets = [.. Enumerable.Repeat(-1, lines.Length)];
        foreach (SequencePoint point in decompiler.CreateSequencePoints(tree).Values.SelectMany(static points => points))
        {
            int line = point.StartLine - 1;
            if (!point.IsHidden && line >= 0 && line < lines.Length && (offsets[line] < 0 || point.Offset < offsets[line]))
            {
                offsets[line] = point.Offset;
            }
        }

        var aligned = new List<Line>(lines.Length);
        ulong guest = 0;
        for (int i = 0; i < lines.Length; i++)
        {
            guest = offsets[i] < 0 ? guest : listing.GuestAt(offsets[i]);
            aligned.Add(new Line(guest, lines[i].TrimEnd('\r')));
        }

        return aligned;
    }

    /// <summary>The names that the emitter gave locals.</summary>
    private sealed class LocalNames(IReadOnlyList<string> names) : IDebugInfoProvider
    {
        public string Description => "";

        public string SourceFileName => "";

        public IList<SequencePoint> GetSequencePoints(MethodDefinitionHandle method) => [];

        public IList<Variable> GetVariables(MethodDefinitionHandle method) => [.. names.Select(static (name, index) => new Variable(index, name))];

        public bool TryGetName(MethodDefinitionHandle method, int index, out string name)
        {
            name = index < names.Count ? names[index] : "";
            return name.Length > 0;
        }

        public bool TryGetExtraTypeInfo(MethodDefinitionHandle method, int index, out PdbExtraTypeInfo extraTypeInfo)
        {
            extraTypeInfo = default;
            return false;
        }
    }

    /// <summary>What regions call is what runs here.</summary>
    private sealed class OwnAssemblies : ICSharpCode.Decompiler.Metadata.IAssemblyResolver
    {
        public MetadataFile? Resolve(IAssemblyReference reference)
        {
            string? path = AppDomain.CurrentDomain.GetAssemblies().FirstOrDefault(assembly => assembly.GetName().Name == reference.Name)?.Location;
            return string.IsNullOrEmpty(path) ? null : new PEFile(path);
        }

        public IDisposable? BeginSnapshot() => null;

        public MetadataFile? ResolveModule(MetadataFile mainModule, string moduleName) => null;

        public Task<MetadataFile?> ResolveAsync(IAssemblyReference reference) => Task.FromResult(Resolve(reference));

        public Task<MetadataFile?> ResolveModuleAsync(MetadataFile mainModule, string moduleName) => Task.FromResult<MetadataFile?>(null);
    }
}
