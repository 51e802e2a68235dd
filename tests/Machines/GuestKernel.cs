using System.Text;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Tests.Machines;

/// <summary>A kernel that tests/run unpacked from a Debian package into the cache: <c>vmlinuz</c>, and <c>modules/</c> or <c>initrd.gz</c> where its tests need them.</summary>
public sealed class GuestKernel(string name)
{
    public static readonly GuestKernel Cloud = new("cloud");
    public static readonly GuestKernel Generic = new("generic");
    public static readonly GuestKernel Installer = new("installer-amd64");
    public static readonly GuestKernel Installer32 = new("installer-i386");

    public string Folder { get; } = Path.Combine(RepositoryRoot.Path, ".cache/kernels", name);

    public string Image => Path.Combine(Folder, "vmlinuz");

    public string Initrd => Path.Combine(Folder, "initrd.gz");

    private string ModuleFolder => Path.Combine(Folder, "modules");

    public static GuestKernel Named(string name) => new(name);

    /// <summary>Modules by name with all they depend on, in an order in which they can be inserted.</summary>
    public IReadOnlyList<string> ModulesFor(params string[] names)
    {
        var files = Directory.EnumerateFiles(ModuleFolder, "*.ko", SearchOption.AllDirectories).ToDictionary(ModuleName);
        List<string> ordered = [];
        foreach (string wanted in names)
        {
            Add(wanted);
        }

        return ordered;

        void Add(string module)
        {
            string file = files[module];
            if (ordered.Contains(file))
            {
                return;
            }

            foreach (string needed in DependenciesOf(file))
            {
                Add(needed);
            }

            ordered.Add(file);
        }
    }

    private static string ModuleName(string file) => Path.GetFileNameWithoutExtension(file).Replace('-', '_');

    /// <summary>The module's own <c>depends=</c> line: packages hold no modules.dep, which depmod makes at installation.</summary>
    private static string[] DependenciesOf(string file)
    {
        byte[] content = File.ReadAllBytes(file);
        ReadOnlySpan<byte> key = "\0depends="u8;
        int at = content.AsSpan().IndexOf(key);
        if (at < 0)
        {
            return [];
        }

        ReadOnlySpan<byte> value = content.AsSpan(at + key.Length);
        string list = Encoding.ASCII.GetString(value[..value.IndexOf((byte)0)]);
        return [.. list.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(name => name.Replace('-', '_'))];
    }
}
