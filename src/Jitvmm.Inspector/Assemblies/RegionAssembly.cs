using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Runtime.Versioning;
using Jitvmm.Inspector.Translation;
using Jitvmm.Translator.Emit;

namespace Jitvmm.Inspector.Assemblies;

/// <summary>
/// Regions as static methods of a .NET assembly, with the IL that RyuJIT got but for counters, and the names of the guest's registers: for decompilers, verifiers, and whoever wants to
/// have them compiled by another JIT. It is to be read: what it calls goes on with records of a guest that is not there.
/// </summary>
public sealed class RegionAssembly
{
    /// <summary>The class that has the methods.</summary>
    public const string TypeName = "Guest.Regions";

    private static readonly string[] s_parameters = ["cpu", "record", "memory"];

    private readonly PersistedAssemblyBuilder _assembly;
    private readonly TypeBuilder _type;
    private readonly HashSet<string> _names = [];

    /// <summary>Begins an assembly.</summary>
    /// <param name="name">Its simple name.</param>
    public RegionAssembly(string name)
    {
        _assembly = new PersistedAssemblyBuilder(new AssemblyName(name), typeof(object).Assembly);
        _assembly.SetCustomAttribute(new CustomAttributeBuilder(
            typeof(TargetFrameworkAttribute).GetConstructor([typeof(string)])!,
            [typeof(RegionEmitter).Assembly.GetCustomAttribute<TargetFrameworkAttribute>()!.FrameworkName]));
        _type = _assembly.DefineDynamicModule($"{name}.dll").DefineType(TypeName, TypeAttributes.Public | TypeAttributes.Abstract | TypeAttributes.Sealed);
    }

    /// <summary>Adds a region.</summary>
    /// <param name="region">The region.</param>
    /// <param name="head">The guest address of its head.</param>
    /// <param name="symbol">What the guest calls that; empty for nothing.</param>
    /// <returns>The name of its method, and its IL as text by guest instruction; or what is in the way.</returns>
    public (string Name, IlListing? Listing, string? Problem) Add(RegionTranslation region, ulong head, string symbol)
    {
        ArgumentNullException.ThrowIfNull(region);
        string name = NewName(head, symbol ?? "");
        (IlListing? listing, string? problem) = region.EmitInto(() => DefineMethod(name));
        return (name, listing, problem);
    }

    /// <summary>The file, with the names of locals in it. Nothing can be added any more.</summary>
    public ImmutableArray<byte> ToImage()
    {
        _ = _type.CreateType();
        MetadataBuilder metadata = _assembly.GenerateMetadata(out BlobBuilder code, out BlobBuilder fields, out MetadataBuilder names);
        var symbols = new BlobBuilder();
        BlobContentId id = new PortablePdbBuilder(names, metadata.GetRowCounts(), default).Serialize(symbols);
        var directory = new DebugDirectoryBuilder();
        directory.AddCodeViewEntry($"{_assembly.GetName().Name}.pdb", id, 0x0100);
        directory.AddEmbeddedPortablePdbEntry(symbols, 0x0100);
        var file = new BlobBuilder();
        var header = new PEHeaderBuilder(imageCharacteristics: Characteristics.ExecutableImage | Characteristics.Dll | Characteristics.LargeAddressAware);
        _ = new ManagedPEBuilder(header, new MetadataRootBuilder(metadata), code, fields, debugDirectoryBuilder: directory).Serialize(file);
        return file.ToImmutableArray();
    }

    private ILGenerator DefineMethod(string name)
    {
        MethodBuilder method = _type.DefineMethod(name, MethodAttributes.Public | MethodAttributes.Static, typeof(int), RegionEmitter.Signature);
        method.InitLocals = false;
        for (int i = 0; i < s_parameters.Length; i++)
        {
            _ = method.DefineParameter(i + 1, ParameterAttributes.None, s_parameters[i]);
        }

        return method.GetILGenerator();
    }

    /// <summary>A name that C# can have: <c>main_401136</c>; of the second that is at one place, <c>main_401136_2</c>.</summary>
    private string NewName(ulong head, string symbol)
    {
        string stem = string.Create(CultureInfo.InvariantCulture, $"{Identifier(symbol)}_{head:x}");
        string name = stem;
        for (int i = 2; !_names.Add(name); i++)
        {
            name = string.Create(CultureInfo.InvariantCulture, $"{stem}_{i}");
        }

        return name;
    }

    private static string Identifier(string symbol)
    {
        string name = symbol.Split('+')[0];
        name = string.Concat(name.Select(static character => char.IsAsciiLetterOrDigit(character) ? character : '_'));
        return name.Length == 0 ? "region" : char.IsAsciiDigit(name[0]) ? $"_{name}" : name;
    }
}
