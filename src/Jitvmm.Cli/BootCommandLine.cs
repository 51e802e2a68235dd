using System.Globalization;
using Jitvmm.Devices.Platform;

namespace Jitvmm.Cli;

/// <summary>What the terminal or a file is connected to.</summary>
internal enum SerialTarget
{
    Terminal,
    File,
    None,
}

/// <summary>The words after <c>jitvmm boot</c>.</summary>
internal sealed class BootCommandLine
{
    private readonly OptionWords _words;
    private readonly List<MachineDisk> _disks = [];
    private readonly List<MachineShare> _shares = [];
    private MachineGuestOptions _options = new();

    private BootCommandLine(string[] words) => _words = new OptionWords(words);

    public bool Help { get; private set; }

    public SerialTarget Serial { get; private set; }

    public string SerialPath { get; private set; } = "";

    public bool Statistics => _options.Statistics;

    /// <exception cref="UsageException">An option is unknown, or its value makes no sense.</exception>
    public static BootCommandLine Parse(string[] words)
    {
        var line = new BootCommandLine(words);
        while (line._words.TryTakeName(out string name))
        {
            if (!line.ReadSwitch(name) && !line.ReadSetting(name))
            {
                throw new UsageException($"unknown option {name}");
            }
        }

        if (line._options is { InstructionShift: not null, Tier: ExecutionTier.Compile })
        {
            throw new UsageException("--icount counts what is interpreted: not with --tier 1");
        }

        if (line._options is { Kernel: null, Bios: null } and not { Initrd: null, CommandLine: null or "" })
        {
            throw new UsageException("--initrd and --append are for a kernel: --kernel is missing");
        }

        return line._words.Next == words.Length ? line : throw new UsageException($"unexpected {words[line._words.Next]}");
    }

    public MachineGuestOptions ToOptions() => _options with { Disks = _disks, Shares = _shares };

    private bool ReadSwitch(string name)
    {
        switch (name)
        {
            case "--help" or "-h":
                Help = true;
                break;
            case "--stats":
                _options = _options with { Statistics = true };
                break;
            case "--perf-map":
                _options = _options with { PerfMap = true };
                break;
            case "--inspect":
                _options = _options with { Inspect = true };
                break;
            case "--no-reboot":
                _options = _options with { Reboots = false };
                break;
            case "--test-device":
                _options = _options with { TestDevice = true };
                break;
            case "--console":
                _options = _options with { Console = true };
                break;
            default:
                return false;
        }

        return _words.NoValue(name);
    }

    private bool ReadSetting(string name)
    {
        switch (name)
        {
            case "--kernel":
                _options = _options with { Kernel = _words.Value(name) };
                break;
            case "--bios":
                _options = _options with { Bios = _words.Value(name) };
                break;
            case "--initrd":
                _options = _options with { Initrd = _words.Value(name) };
                break;
            case "--append":
                _options = _options with { CommandLine = _words.Text(name) };
                break;
            case "--memory" or "-m":
                _options = _options with { Memory = _words.Size(name) };
                break;
            case "--cpus" or "--smp":
                _options = _options with { Processors = _words.Count(name) };
                break;
            case "--disk" or "--nvme" or "--xvd":
                _disks.Add(ParseDisk(name, _words.Value(name)));
                break;
            case "--share":
                _shares.Add(ParseShare(_words.Value(name)));
                break;
            case "--net":
                ParseNetwork(_words.Value(name));
                break;
            case "--hypervisor":
                _options = _options with { Hypervisor = ParseHypervisor(_words.Value(name)) };
                break;
            case "--serial":
                ParseSerial(_words.Value(name));
                break;
            case "--save-cache":
                _options = _options with { SaveCache = _words.Value(name) };
                break;
            case "--jitdump":
                _options = _options with { JitDump = _words.Value(name) };
                break;
            case "--sample-tiers":
                _options = _options with { TierSamples = _words.Value(name) };
                break;
            case "--dump-ir" or "--dump-il" or "--dump-host":
                _options = _options with { Dumps = [.. _options.Dumps ?? [], OptionWords.DumpOf(name, _words.Value(name))] };
                break;
            case "--code-cache":
                _options = _options with { CodeCacheSize = (long)Math.Min(_words.Size(name), long.MaxValue) };
                break;
            case "--icount":
                _options = _options with { InstructionShift = ParseShift(_words.Value(name)) };
                break;
            case "--tier":
                _options = _options with { Tier = ParseTier(_words.Value(name)) };
                break;
            default:
                return false;
        }

        return true;
    }

    private static MachineDisk ParseDisk(string name, string value)
    {
        string[] parts = value.Split(',');
        bool isReadOnly = false;
        DiskBus bus = name switch { "--nvme" => DiskBus.Nvme, "--xvd" => DiskBus.Xen, _ => DiskBus.Virtio };
        for (int i = 1; i < parts.Length; i++)
        {
            switch (parts[i])
            {
                case "readonly" or "readonly=on":
                    isReadOnly = true;
                    break;
                case "msi" when name == "--nvme":
                    bus = DiskBus.NvmeMsi;
                    break;
                default:
                    throw new UsageException($"{name} is FILE{(name == "--nvme" ? ", FILE,msi" : "")} or FILE,readonly, not {value}");
            }
        }

        return new MachineDisk(parts[0], isReadOnly, bus);
    }

    private MachineShare ParseShare(string value)
    {
        string[] parts = value.Split(',');
        string tag = _shares.Count == 0 ? "share" : $"share{_shares.Count}";
        bool isReadOnly = false;
        for (int i = 1; i < parts.Length; i++)
        {
            if (parts[i].StartsWith("tag=", StringComparison.Ordinal) && parts[i].Length is > 4 and < 36)
            {
                tag = parts[i][4..];
            }
            else if (parts[i] is "readonly" or "readonly=on")
            {
                isReadOnly = true;
            }
            else
            {
                throw new UsageException($"--share is DIR, with ,tag=NAME and ,readonly, not {value}");
            }
        }

        return new MachineShare(parts[0], tag, isReadOnly);
    }

    private void ParseNetwork(string value)
    {
        string[] parts = value.Split(',');
        string[] further = parts[1..];
        if (parts[0] is not ("none" or "user") || (parts[0] == "none" && further.Length > 0) || further.Any(part => part is not ("loopback" or "xen")))
        {
            throw new UsageException($"--net is none, user, or user with ,loopback and ,xen; not {value}");
        }

        _options = _options with { UserNetwork = parts[0] == "user", NetworkReachesLoopback = further.Contains("loopback"), NetworkIsXen = further.Contains("xen") };
    }

    private void ParseSerial(string value)
    {
        Serial = value switch
        {
            "stdio" => SerialTarget.Terminal,
            "none" => SerialTarget.None,
            ['f', 'i', 'l', 'e', ':', _, ..] => SerialTarget.File,
            _ => throw new UsageException($"--serial is stdio, none or file:PATH, not {value}"),
        };
        SerialPath = Serial == SerialTarget.File ? value[5..] : "";
    }

    private static MachineHypervisor ParseHypervisor(string value)
    {
        string[] parts = value.Split(',');
        HypervisorKind kind = parts[0] switch
        {
            "none" => HypervisorKind.None,
            "kvm" => HypervisorKind.Kvm,
            "vmware" => HypervisorKind.Vmware,
            "hyperv" => HypervisorKind.Hyperv,
            "xen" => HypervisorKind.Xen,
            _ => throw new UsageException($"--hypervisor is none, kvm, vmware, hyperv or xen, not {parts[0]}"),
        };
        string[] without = new string[parts.Length - 1];
        IReadOnlyList<string> features = MachineHypervisor.FeaturesOf(kind);
        for (int i = 0; i < without.Length; i++)
        {
            without[i] = parts[i + 1] is ['-', .. var feature] && features.Contains(feature)
                ? feature
                : throw new UsageException($"--hypervisor {parts[0]} {(features.Count == 0 ? "has no features" : $"can be without {string.Join(", ", features)}, as in {parts[0]},-{features[0]}")}; not {parts[i + 1]}");
        }

        return new MachineHypervisor(kind) { Without = without };
    }

    private static int ParseShift(string value) => value is [>= '0' and <= '9'] or "10"
        ? int.Parse(value, CultureInfo.InvariantCulture)
        : throw new UsageException($"--icount is a number from 0 to 10, not {value}");

    private static ExecutionTier ParseTier(string value) => value switch
    {
        "0" => ExecutionTier.Interpret,
        "1" => ExecutionTier.Compile,
        "auto" => ExecutionTier.Auto,
        _ => throw new UsageException($"--tier is 0, 1 or auto, not {value}"),
    };
}
